-- 0023_matter_load.sql: the load that brought a matter. NULL: it came by itself, in a file of matters or with a guide published one by one.
ALTER TABLE matter ADD COLUMN load BIGINT REFERENCES catalogue_load (id);

UPDATE matter SET load = (SELECT MIN(g.load) FROM guide g WHERE g.matter = matter.id AND g.load <> 0)
WHERE NOT EXISTS (SELECT 1 FROM guide g JOIN catalogue_load l ON l.id = g.load AND l.state = 2 WHERE g.matter = matter.id);
