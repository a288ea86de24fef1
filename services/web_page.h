/* services/web_page.h - pages for browsers: the files of web/, which are part of the program. A page is written whole here and works without a script; it loads its stylesheet from us and nothing
 * from anywhere else, and its headers see to it.
 *
 *   {{name}}                   a value, escaped
 *   {{#name}}…{{/name}}        only where it has one
 *
 * Thread: whoever runs the stage. */
#ifndef SERVICES_WEB_PAGE_H
#define SERVICES_WEB_PAGE_H
#include "base/request.h"

struct web_value {
	const char *name;
	struct str text; /* at NULL: it has none */
};

struct str web_file(const char *name);           /* of web/, as it lies there; one that is not there is a bug */
/* Fills a template. Every name in it must be among the values: a page that asks for another is a bug. */
void web_fill(struct buf *to, struct str template, const struct web_value *values, int count);

/* The answer is web/NAME.zh.html or web/NAME.en.html, as r->lang says. Fails: MEMORY. */
MUST_USE bool web_page(struct request *r, int status, const char *name, const struct web_value *values, int count, struct fail *why);
/* The same for what is a failure already: headers that are there stay. false: no memory. */
MUST_USE bool web_problem(struct request *r, const struct fail_row *row, int64_t retry_after_s);
#endif
