/* services/supervision/audit_view.c - one shape of an act for the supervisor's page, the operator's file and the citizen's own export. */
#include "services/supervision/audit_view.h"

bool audit_show(struct tx *tx, struct audit_shown *s, struct fail *why)
{
	const struct audit_row *row = &s->row;
	return staff_account(tx, row->actor_kind == WHO_STAFF ? row->actor_id : 0, s->actor, why) &&
	       staff_account(tx, row->subject_kind == AUDIT_OF_STAFF ? row->subject_id : 0, s->subject, why);
}

static void add_party(struct json_out *j, const char *name, struct str kind, int64_t id, const char *account)
{
	if (kind.len == 0) {
		json_add_nothing(j, name);
		return;
	}
	json_put_name(j, name);
	json_put_object(j);
	json_add_plain(j, "kind", kind);
	if (id != 0)
		json_add_number(j, "id", id);
	if (account[0] != '\0')
		json_add_text(j, "account", str_c(account));
	json_put_object_end(j);
}

/* A number that this program does not know was written by a newer one. */
static struct str word_text(const struct audit_word *word, enum lang lang)
{
	if (word == NULL)
		return STR("unknown");
	return str_c(lang == LANG_EN ? word->text : word->zh);
}

void audit_members(struct json_out *j, const struct audit_shown *s, enum lang lang)
{
	const struct audit_row *row = &s->row;
	const struct audit_word *act = audit_act_word(row->act);
	char chain[2 * HASH_BYTES + 1];
	hex_text(row->chain, sizeof(row->chain), chain);
	json_add_number(j, "seal_seq", row->seq);
	json_add_plain(j, "chain", str_c(chain));
	json_add_time(j, "sealed_at", row->sealed_ms);
	json_add_time(j, "made_at", row->made_ms);
	json_add_text(j, "request_id", row->request_id);
	json_add_plain(j, "act", word_text(act, LANG_EN));
	json_add_plain(j, "title", word_text(act, lang));
	add_party(j, "actor", who_name((enum who)row->actor_kind), row->actor_id, s->actor);
	add_party(j, "for", who_name((enum who)row->for_kind), row->for_id, "");
	add_party(j, "subject", word_text(audit_subject_word(row->subject_kind), LANG_EN), row->subject_id, s->subject);
	json_add_number(j, "result", row->result);
	if (row->detail.at != NULL)
		json_add_text(j, "detail", row->detail);
	else
		json_add_nothing(j, "detail");
}
