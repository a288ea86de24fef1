/* services/control/control_keys.c - `siban keys` asks: which keys are there and what lies under them, add one, exchange, retire. No answer holds a key. */
#include "auth/audit.h"
#include "auth/keyring.h"
#include "auth/rotation.h"
#include "base/log.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"

enum { COUNT_ROWS = 20000, AFTER_NUMBERS = 4 };

static const char *const kind_names[] = { [KEY_CIPHER] = "cipher", [KEY_INDEX] = "index" };
static const char *const state_names[] = { [KEY_STATE_CURRENT] = "current", [KEY_STATE_NEXT] = "next", [KEY_STATE_KEPT] = "kept" };

static bool no_query_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { NULL };
	return request_query_only(r, names, why);
}

static void key_members(struct json_out *j, const struct keyfile_key *k)
{
	char print[FINGERPRINT_BYTES];
	key_fingerprint(k, print);
	json_add_number(j, "id", k->id);
	json_add_text(j, "kind", str_c(kind_names[k->kind]));
	if (k->kind == KEY_CIPHER)
		json_add_text(j, "algorithm", str_c(key_algorithm_name(k->algorithm)));
	json_add_text(j, "fingerprint", str_c(print));
	json_add_text(j, "state", str_c(state_names[keyring_state(k)]));
}

static const struct keyfile_key *key_by_id(int64_t id)
{
	const struct keyfile_key *k;
	for (int n = 0; (k = keyring_key(n)) != NULL && k->id != id;)
		n++;
	return k;
}

/* ---- control_key_list ---- */

enum { KEY_DONE = 1 };

/* In the write lane, though it only asks: the roles of index keys are taken up from the database here, and only one thread may do that. A reader's
 * snapshot could be from before a change that the writers follow already. */
static bool list_apply(struct tx *tx, struct request *r, struct fail *why)
{
	r->outcome = (struct outcome){ .code = KEY_DONE, .status = 200 };
	return tx_is_shared(tx) ? keyring_follow(tx, why) : keyring_match(tx, why); /* beside other nodes a new key is not noted before they can have it */
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct keyfile_key *k;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "keys");
	json_put_array(&j);
	for (int n = 0; (k = keyring_key(n)) != NULL; n++) {
		json_put_object(&j);
		key_members(&j, k);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_name(&j, "columns");
	json_put_array(&j);
	for (int i = 0; i < rotation_columns; i++)
		json_put_text(&j, str_c(rotation_column_name(i)));
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_key_list = { .parse = no_query_parse, .apply = list_apply, .render = list_render };

/* ---- control_key_count: values of one column by key, some rows at a time ---- */

static bool after_from(struct str text, struct row_key *k)
{
	struct str word;
	for (int i = 0; i < AFTER_NUMBERS; i++)
		if (!str_cut(text, '.', &word, &text) || !str_to_i64(word, INT64_MIN, INT64_MAX, &k->n[i]))
			return false;
	return str_hex(text, k->hash, sizeof(k->hash)) == (int64_t)sizeof(k->hash);
}

static bool count_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "column", "after", NULL };
	struct rotation_count *c = request_state(r, sizeof(*c), why);
	struct str after;
	int64_t column;
	if (c == NULL || !request_query_only(r, names, why) || !query_number(r, "column", 0, rotation_columns - 1, 0, &column, why) ||
	    !request_query(r, "after", &after, why))
		return false;
	*c = rotation_count_begin((int)column);
	return after.at == NULL || after_from(after, &c->after) || FAILS_FIELD(why, QUERY, "after", "not a place that was given out");
}

static bool count_look(struct tx *tx, struct request *r, struct fail *why)
{
	return rotation_count(tx, r->state, COUNT_ROWS, why);
}

static void after_text(const struct row_key *k, char out[4 * 22 + 2 * sizeof(k->hash) + 1])
{
	size_t n = 0;
	for (int i = 0; i < AFTER_NUMBERS; i++) {
		n += i64_text(k->n[i], out + n);
		out[n++] = '.';
	}
	hex_text(k->hash, sizeof(k->hash), out + n);
}

static bool count_render(struct request *r, struct fail *why)
{
	const struct rotation_count *c = r->state;
	char after[4 * 22 + 2 * sizeof(c->after.hash) + 1];
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "column", str_c(rotation_column_name(c->column)));
	json_put_name(&j, "counts");
	json_put_array(&j);
	for (int i = 0; i < c->count; i++) {
		json_put_object(&j);
		json_add_number(&j, "id", c->keys[i].id);
		json_add_number(&j, "values", c->keys[i].values);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	after_text(&c->after, after);
	if (c->is_over)
		json_add_nothing(&j, "after");
	else
		json_add_text(&j, "after", str_c(after));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_key_count = { .parse = count_parse, .look = count_look, .render = count_render };

/* ---- control_key_add ---- */

struct added {
	enum key_kind kind;
	enum key_algorithm algorithm;
	int id;
	bool waits; /* for the other nodes to have it: the first bite of a rotation takes it up */
};

static bool add_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "kind", "algorithm", NULL };
	struct added *a = request_state(r, sizeof(*a), why);
	struct str kind, algorithm;
	if (a == NULL || !request_query_only(r, names, why) || !request_query(r, "kind", &kind, why) || !request_query(r, "algorithm", &algorithm, why))
		return false;
	a->kind = str_eq(kind, STR("index")) ? KEY_INDEX : KEY_CIPHER;
	a->algorithm = KEY_AES_256_GCM;
	if (a->kind == KEY_CIPHER && !str_eq(kind, STR("cipher")))
		return FAILS_FIELD(why, QUERY, "kind", "neither cipher nor index");
	return algorithm.at == NULL || (a->kind == KEY_CIPHER && key_algorithm_from(algorithm, &a->algorithm)) ||
	       FAILS_FIELD(why, QUERY, "algorithm", "neither aes-256-gcm nor sm4-cbc-hmac-sm3, or not for an index key");
}

/* The file first, on a thread that may wait for the disk: nothing is sealed with a key that could be lost. */
static bool add_work(struct request *r, struct fail *why)
{
	struct added *a = r->state;
	return keyring_add(a->kind, a->algorithm, &a->id, why);
}

static bool key_audit(struct tx *tx, struct request *r, enum audit_act act, int64_t id, int status, struct fail *why)
{
	struct audit a = { act, AUDIT_OF_KEY, id, .result = status };
	if (!audit_add(tx, r, &a, why))
		return false;
	r->outcome = (struct outcome){ .code = KEY_DONE, .status = status, .n = { id } };
	return true;
}

static bool add_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct added *a = r->state;
	a->waits = tx_is_shared(tx);
	return (a->waits || keyring_match(tx, why)) && key_audit(tx, r, AUDIT_KEY_ADDED, a->id, 201, why);
}

static bool add_render(struct request *r, struct fail *why)
{
	const struct added *a = r->state;
	const struct keyfile_key *k = key_by_id(a->id);
	if (k == NULL)
		return FAILS(why, NOT_FOUND, "key %d went as it came", a->id);
	if (!a->waits)
		keyring_use_current();
	LOG_EVENT(key_added, str_c(r->id), L_C(kind_names[a->kind]), L_INT(a->id));
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	key_members(&j, k);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_key_add = { .parse = add_parse, .work = add_work, .apply = add_apply, .render = add_render };

/* ---- control_key_rotate: one bite ---- */

static bool rotate_parse(struct request *r, struct fail *why)
{
	return no_query_parse(r, why) && request_state(r, sizeof(struct rotation_step), why) != NULL;
}

static bool rotate_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct rotation_step *s = r->state;
	if (!rotation_step(tx, r->random, s, why))
		return false;
	r->outcome = (struct outcome){ .code = KEY_DONE, .status = 200 };
	return !s->is_over || key_audit(tx, r, AUDIT_KEYS_ROTATED, keyring_cipher_id(), 200, why);
}

static bool rotate_render(struct request *r, struct fail *why)
{
	const struct rotation_step *s = r->state;
	if (s->is_over) {
		LOG_EVENT(keys_rotated, str_c(r->id), L_INT(keyring_cipher_id()));
		if (!keyring_save_marks(why))
			return false;
	}
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "what", str_c(s->what));
	json_add_number(&j, "looked_at", s->looked_at);
	json_add_number(&j, "changed", s->changed);
	json_add_number(&j, "at", s->at);
	json_add_number(&j, "last", s->last);
	json_add_boolean(&j, "end", s->is_over);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_key_rotate = { .parse = rotate_parse, .apply = rotate_apply, .render = rotate_render };

/* ---- control_key_retire ---- */

static bool retire_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "id", NULL };
	int64_t *id = request_state(r, sizeof(*id), why);
	if (id == NULL || !request_query_only(r, names, why) || !query_number(r, "id", 1, KEY_ID_MAX, 0, id, why))
		return false;
	const struct keyfile_key *k = key_by_id(*id);
	if (k == NULL)
		return FAILS(why, NOT_FOUND, "no key %lld", (long long)*id);
	if (!keyring_may_go(k))
		return FAILS(why, KEY_IN_USE, "key %lld recognises repeats, or is current", (long long)*id);
	return true;
}

/* New values come under the current key only, so that what is not there now will not be there in apply. */
static bool retire_look(struct tx *tx, struct request *r, struct fail *why)
{
	const int64_t *id = r->state;
	int64_t values;
	if (!rotation_values_under(tx, (int)*id, &values, why))
		return false;
	if (values == 0)
		return true;
	FAILS(why, KEY_IN_USE, "%lld values under key %lld", (long long)values, (long long)*id);
	fail_fact_number(why, "values", values);
	return false;
}

static bool retire_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const int64_t *id = r->state;
	return keyring_forget(tx, (int)*id, why) && key_audit(tx, r, AUDIT_KEY_RETIRED, *id, 200, why);
}

static bool retire_render(struct request *r, struct fail *why)
{
	const int64_t *id = r->state;
	if (!keyring_drop((int)*id, why))
		return false;
	LOG_EVENT(key_retired, str_c(r->id), L_INT(*id));
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "id", *id);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_key_retire = { .parse = retire_parse, .look = retire_look, .apply = retire_apply, .render = retire_render };
