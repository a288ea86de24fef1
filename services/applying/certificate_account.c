/* services/applying/certificate_account.c - one account, read once. */
#include "services/applying/certificate_account.h"

#include "auth/document.h"
#include "auth/keyring.h"
#include "base/ids.h"
#include "base/secret_file.h"

static struct secret key;
static struct str base;

bool certificate_account_open(const struct config *c, struct fail *why)
{
	base = str_c(c->certificates_url);
	return base.len == 0 || secret_read(c->certificates_key_file, &key, why);
}

/* Of the Idempotency-Key, where there is one: an answer that is remembered for the repeat is an answer to the same question. */
static void question_id(const struct request *r, struct str type, char out[ID_TEXT_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	struct id id;
	struct str request_key = r->known[HEADER_IDEMPOTENCY_KEY];
	struct str parts[] = { type, r->path, request_key.at != NULL ? request_key : (struct str){ (const char *)r->random, STAMP_RANDOM } };
	keyring_index("certificates.question", parts, 3, digest);
	memcpy(id.bytes, digest, sizeof(id.bytes));
	id_text(id, "q", out);
}

bool certificate_ask(struct request *r, struct str type, enum identity_kind kind, const struct person_facts *holder, struct question *q, struct fail *why)
{
	char id[ID_TEXT_BYTES];
	if (base.len == 0)
		return FAILS(why, PEER_AWAY, "certificates.url is not configured");
	question_id(r, type, id);
	struct document_number document = document_number(kind, holder->number);
	struct certificates_question c = { .base = base, .id = str_copy(&r->arena, str_c(id)), .type = type, .id_type = str_c(identity_kind_text(kind)), .id_number = document.bare,
					   .name = holder->name.at != NULL ? holder->name : STR(""), .key = key, .now_ms = r->now_ms };
	q->peer = STR("certificates");
	return c.id.at == NULL ? FAILS(why, MEMORY, "a question's id") : certificates_build(&c, &r->arena, &q->call, why);
}

bool certificate_answered(struct request *r, struct str type, const struct http_answer *answer, struct held_certificate out[CERTIFICATES_MAX], int *count, struct fail *why)
{
	char id[ID_TEXT_BYTES];
	question_id(r, type, id);
	return certificates_judge(str_c(id), answer, out, count, &r->arena, why);
}
