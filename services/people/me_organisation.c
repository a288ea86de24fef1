/* services/people/me_organisation.c - POST /v1/me/organisations: I represent this company. The register is asked, about the person this session is known to be and whose face it
 * has just seen; its yes is his mandate to act for the company and to manage its agents (auth/mandate.h). Who cannot be asked about offers the same
 * mandate and goes to a window with the licence (services/staff/staff_mandate.c). */
#include "auth/mandate.h"
#include "auth/right.h"
#include "base/ids.h"
#include "services/handlers.h"
#include "services/people/authority_asking.h"
#include "services/people/mandate_tell.h"
#include "services/people/mandate_view.h"
#include "services/services.h"

struct representing {
	struct authority_asking asking;          /* the first: authority_asking.h */
	struct str code;
	struct identity company;
};

static bool represent_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		{ "id_number", JSON_F_TEXT, true, 1, 32, offsetof(struct representing, code), NULL },
		{ "name", JSON_F_TEXT, true, 1, PERSON_NAME_MAX, offsetof(struct representing, asking.organisation_name), check_plain_text },
	};
	struct representing *p = request_state(r, sizeof(*p), why);
	if (p == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), p, why) || !asking_has_session(r, why))
		return false;
	struct document_said said = { STR("uscc"), STR_NONE, p->code };
	if (!document_parse(&said, DOCUMENTS_OF_ORGANISATIONS, "/", IDENTITY_LATEST_DAY, &p->company, why))
		return false;
	p->asking.kind = AUTHORITY_REPRESENTATIVE;
	p->asking.organisation = p->asking.tried = str_c(p->company.number);
	return true;
}

static bool represent_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct representing *p = r->state;
	const struct mandate_row *row = mandate_row(MANDATE_REPRESENTATIVE);
	struct mandate m;
	uint8_t random[32], salt[32];
	if (p->asking.verdict != AUTHORITY_MATCH)
		return asking_refused(tx, r, AUDIT_REPRESENTATIVE_REFUSED, why);
	request_bytes(r, "mandate", random);
	request_bytes(r, "representative", salt);
	struct mandate_new n = { .kind = MANDATE_REPRESENTATIVE, .giver = p->company, .giver_name = p->asking.organisation_name, .scopes = row->scopes,
		.until_ms = r->now_ms + row->life_ms, .key = id_make(r->now_ms, random), .salt = salt };
	if (!mandate_represent(tx, r, &n, &m, why) || !mandate_tell(tx, &m, TEMPLATE_mandate_accepted, r->now_ms, r->random, &r->arena, why))
		return false;
	mandate_decided(r, &m);
	r->outcome.status = 201;
	return true;
}

static bool represent_render(struct request *r, struct fail *why)
{
	return asking_said_yes(r, why) && mandate_decided_render(r, why);
}

const struct handler me_organisation_represent = { .parse = represent_parse, .recall = asking_recall, .recalled = asking_recalled, .look = asking_of_himself,
	.ask = &ask_authority, .apply = represent_apply, .render = represent_render, .own_device = true };
