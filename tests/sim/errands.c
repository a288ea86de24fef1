/* tests/sim/errands.c - deeds outside in the simulated life: made at any moment, done by the real notifier, whoever dies meanwhile. */
#include "world.h"

#include "notify/effect_act.h"
#include "notify/notifier.h"
#include "providers.h"
#include "store/committer.h"
#include <assert.h>

enum { MADE_AT_ONCE = 3, SUBJECTS = 4, TURNS_TO_END = 3000, TURNS_OF_MOODS = 80, PASS_MOST_MS = 600000 };

static const struct { int32_t kind; const char *payload; bool may_repeat; } wishes[] = {
	{ KIND_sms_aliyun, "{\"phone\":\"13800138000\",\"template\":\"test\",\"params\":{\"code\":\"1\"}}", false },
	{ KIND_webhook, "{\"type\":\"case.moved\"}", true },
	{ KIND_probe, "{\"url\":\"http://probe.example\"}", false },
};

/* ---- made ---- */

struct making {
	struct world *w;
	int count;
	struct made made[MADE_AT_ONCE];
};

static bool make(struct tx *tx, void *ctx, struct fail *why)
{
	struct making *m = ctx;
	for (int i = 0; i < m->count; i++) {
		struct made *made = &m->made[i];
		struct effect_new e = { .kind = wishes[made->wish].kind, .subject = str_c(made->subject), .payload = str_c(wishes[made->wish].payload) };
		struct effect_view view;
		bool found;
		if (!effect_add(tx, &e, m->w->machine.wall_ms, made->random, &made->id, why) || !effect_get(tx, made->id, &view, &found, why))
			return false;
		assert(found);
		made->key = view.key;
		effect_key_text(view.key, made->text);
	}
	return true;
}

void errands_make(struct world *w)
{
	struct fail why;
	struct making m = { .w = w, .count = 1 + rng_below(&w->rng, MADE_AT_ONCE) };
	fail_clear(&why);
	if (w->made_count + m.count > WORLD_MADE_MAX)
		return;
	for (int i = 0; i < m.count; i++) {
		struct made *made = &m.made[i];
		made->wish = rng_below(&w->rng, sizeof wishes / sizeof wishes[0]);
		rng_fill(&w->rng, made->random, sizeof made->random);
		if (rng_percent(&w->rng, 60))
			snprintf(made->subject, sizeof made->subject, "subject %d", rng_below(&w->rng, SUBJECTS));
	}
	bool ok = store_write(w->machine.gateway.store, make, &m, &why);
	bool is_unsure = ram_vfs_is_dead() || w->machine.must_stop;
	world_note(w, "%d effects%s", m.count, is_unsure ? ", perhaps" : ok ? "" : ", not kept");
	if (!ok && !is_unsure && !w->fault_is_armed)
		world_wrong(w, "effects are refused and nothing was broken: %s", why.log);
	if (!ok && !is_unsure)
		return;
	for (int i = 0; i < m.count; i++) {
		m.made[i].is_unsure = is_unsure;
		w->made[w->made_count++] = m.made[i];
	}
}

/* ---- done ---- */

/* -1: cannot be read, or nothing there. */
static int64_t number(struct stmt *q)
{
	struct fail why;
	fail_clear(&why);
	return q != NULL && stmt_row(q, &why) ? stmt_int(q, 0) : -1;
}

static int64_t state_of(struct tx *tx, const struct made *m)
{
	struct fail why;
	fail_clear(&why);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT state FROM effect WHERE id = $1", &why);
	if (q != NULL)
		stmt_bind_int(q, 1, m->id);
	return number(q);
}

static const struct made *made_as(const struct world *w, const char *key)
{
	for (int i = 0; i < w->made_count; i++)
		if (strcmp(w->made[i].text, key) == 0)
			return &w->made[i];
	return NULL;
}

static void check_bell_leaves(struct world *w, struct tx *tx, const char *key)
{
	struct fail why;
	struct id id;
	fail_clear(&why);
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT count(*) FROM effect e WHERE e.key = $1 AND e.state = 2 AND e.message > 0"
		" AND NOT EXISTS (SELECT 1 FROM effect o WHERE o.subject = e.subject AND o.id < e.id AND o.state IN (1, 2, 6))", &why);
	if (q == NULL || !id_from_text(str_c(key), "ef", &id))
		return;
	stmt_bind_blob(q, 1, id.bytes, ID_BYTES);
	if (number(q) != 1)
		world_wrong(w, "%s rings, and is no message's, not marked, or before its turn", key);
}

/* A call leaves: it was marked before, it has its subject's turn, and who came before it in the subject is over. */
static void called(void *ctx, const char *key, bool is_question)
{
	struct world *w = ctx;
	struct fail why;
	struct tx tx;
	const struct made *m = made_as(w, key);
	fail_clear(&why);
	w->counts.calls++;
	world_note(w, "%s %s", is_question ? "asks about" : "calls", key);
	if (providers_is_under_way(key))
		world_wrong(w, "%s is under way twice", key);
	if (w->fault_is_armed || !reader_begin(w->machine.eye, &tx, &why)) /* a fault is siban's to meet, not ours */
		return;
	if (m == NULL) { /* a message's bell; inbox.c knows those that there must be */
		check_bell_leaves(w, &tx, key);
		reader_end(w->machine.eye);
		return;
	}
	if (state_of(&tx, m) != EFFECT_SENDING)
		world_wrong(w, "%s leaves and is not marked", key);
	for (int i = 0; i < w->made_count; i++) {
		const struct made *before = &w->made[i];
		int64_t state = m->subject[0] != '\0' && before->id < m->id && strcmp(before->subject, m->subject) == 0 ? state_of(&tx, before) : EFFECT_DONE;
		if (state == EFFECT_DUE || state == EFFECT_SENDING || state == EFFECT_HELD)
			world_wrong(w, "%s leaves before its turn in %s", key, m->subject);
	}
	reader_end(w->machine.eye);
}

static bool answer_one(struct world *w, bool is_well)
{
	const char *name = providers_answer(&w->rng, is_well);
	if (name != NULL)
		world_note(w, "a provider: %s", name);
	return name != NULL;
}

void errands_step(struct world *w)
{
	if (rng_percent(&w->rng, 50))
		(void)answer_one(w, false);
	if (rng_percent(&w->rng, 70))
		(void)notifier_step(w->machine.notifier, w->machine.wall_ms, w->machine.mono_ns / 1000000);
}

void errands_begin_life(struct world *w)
{
	w->made_count = 0;
	providers_clear();
	providers_watch(called, w);
}

/* ---- what must be so ---- */

static void check_one(struct world *w, struct tx *tx, struct made *m)
{
	struct fail why;
	struct effect_view view;
	bool found;
	fail_clear(&why);
	if (!effect_get_by_key(tx, m->key, &view, &found, &why)) {
		world_wrong(w, "%s cannot be read: %s", m->text, why.log);
		return;
	}
	if (!found && !m->is_unsure)
		world_wrong(w, "%s is lost", m->text);
	m->is_gone = !found;
	m->is_unsure = false;
	if (!found)
		return;
	const struct provider_deed *d = providers_deed(m->text);
	int done = d != NULL ? d->done : 0;
	if (done > 1 && !wishes[m->wish].may_repeat)
		world_wrong(w, "%s was done %d times", m->text, done);
	if (view.state == EFFECT_DONE && done == 0)
		world_wrong(w, "%s is called done, and nobody did it", m->text);
	if (view.state == EFFECT_FAILED && done > 0 && !wishes[m->wish].may_repeat)
		world_wrong(w, "%s is called failed, and was done", m->text);
	if (d != NULL && view.attempts == 0)
		world_wrong(w, "%s was called without an attempt", m->text);
}

static void check_bell(void *ctx, const struct provider_deed *d)
{
	struct world *w = ctx;
	if (made_as(w, d->key) == NULL && d->done > 1)
		world_wrong(w, "%s rang %d times", d->key, d->done);
}

void errands_check(struct world *w, struct tx *tx)
{
	struct fail why;
	int64_t there = 0;
	fail_clear(&why);
	for (int i = 0; i < w->made_count && w->wrong[0] == '\0'; i++) {
		check_one(w, tx, &w->made[i]);
		there += !w->made[i].is_gone;
	}
	for (int i = 0; i < w->made_count;) /* what was never committed never was; its id may be another's now */
		if (w->made[i].is_gone)
			w->made[i] = w->made[--w->made_count];
		else
			i++;
	providers_each(check_bell, w);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT count(*) FROM effect WHERE message = 0", &why);
	int64_t count = number(q);
	if (count != there && w->wrong[0] == '\0')
		world_wrong(w, "%lld effects, it must be %lld", (long long)count, (long long)there);
}

/* ---- everything ends, or is shown ---- */

static int64_t open_count(struct world *w)
{
	struct fail why;
	struct tx tx;
	fail_clear(&why);
	if (!reader_begin(w->machine.eye, &tx, &why))
		return -1;
	struct stmt *q = tx_query(&tx, "SELECT count(*) FROM effect WHERE state IN (1, 2) AND waits = 0", &why);
	int64_t count = number(q);
	stmt_drop(q);
	reader_end(w->machine.eye);
	return count;
}

/* The operator sees to the accounts that stopped. Twice: while providers have their moods, and when all is well. */
static void resume_all(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	for (int a = 0; a < ACCOUNTS; a++) {
		struct effect_act act = { .what = EFFECT_RESUME, .account = (enum account)a, .now_ms = w->machine.wall_ms };
		if (!store_write(w->machine.gateway.store, effect_act_apply, &act, &why))
			world_wrong(w, "account %s does not resume: %s", account_name((enum account)a), why.log);
	}
}

void errands_end(struct world *w)
{
	resume_all(w);
	int64_t open = -1;
	for (int turn = 0; turn < TURNS_TO_END && w->wrong[0] == '\0' && (open = open_count(w)) != 0; turn++) {
		int64_t now_ms = w->machine.mono_ns / 1000000;
		int64_t next_ms = notifier_step(w->machine.notifier, w->machine.wall_ms, now_ms);
		bool is_busy = committer_step(w->machine.gateway.committer) > 0;
		while (answer_one(w, turn >= TURNS_OF_MOODS))
			is_busy = true;
		if (turn == TURNS_OF_MOODS)
			resume_all(w);
		if (!is_busy && next_ms > now_ms)
			machine_pass(&w->machine, (next_ms - now_ms < PASS_MOST_MS ? next_ms - now_ms : PASS_MOST_MS) * 1000000);
	}
	if (open != 0)
		world_wrong(w, "%lld effects neither end nor are shown", (long long)open);
}
