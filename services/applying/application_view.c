/* services/applying/application_view.c - what every answer about an application has in common. Nothing in it depends on the language, so that its edition is its ETag. */
#include "services/applying/application_view.h"

#include "services/applying/material.h"
#include "services/cases/case_row.h"
#include "services/guides/guide.h"
#include "services/services.h"

#include <stdio.h>

bool application_asked(struct tx *tx, struct request *r, struct application *out, bool *is_seen, struct fail *why)
{
	struct id key;
	if (!id_from_text(r->params[0], APPLICATION_PREFIX, &key))
		return FAILS(why, NOT_FOUND, "not the id of an application");
	if (!application_find(tx, key, &r->arena, out, why) || !case_owner(tx, r, out->person, out->matter, why))
		return false;
	*is_seen = r->owner == principal_whose(&r->who);
	return true;
}

bool application_whole(struct request *r, const struct application_view *v, struct fail *why)
{
	char pointer[FAIL_POINTER_MAX];
	if (v->wrong_count == 0)
		return true;
	r->wrong = v->wrong;
	r->wrong_count = v->wrong_count;
	snprintf(pointer, sizeof pointer, "%.*s", STR_ARG(v->wrong[0].pointer));
	return FAILS_FIELD(why, FORM, pointer, "%d things are open", v->wrong_count);
}

bool application_judge(struct tx *tx, struct request *r, struct application_view *v, int64_t guide, struct str answers, enum fields_how how, struct fail *why)
{
	struct fields *form;
	DROP(json) json_t *body = NULL, *object = NULL;
	v->wrong = arena_alloc(&r->arena, FIELD_WRONG_MAX * sizeof *v->wrong);
	v->materials = arena_alloc(&r->arena, MATERIALS_MAX * sizeof *v->materials);
	v->may_follow = arena_alloc(&r->arena, MATERIAL_NUMBERS_MAX * sizeof *v->may_follow);
	if (v->wrong == NULL || v->materials == NULL || v->may_follow == NULL)
		return FAILS(why, MEMORY, "what is wrong");
	if (!application_form(tx, guide, &r->arena, &body, &form, why) || !material_list(tx, v->ap.id, 0, v->materials, &v->material_count, why))
		return false;
	v->may_follow_count = material_may_follow(body, v->materials, v->material_count, v->may_follow);
	v->level = guide_level(body);
	object = json_read(answers, why);
	if (object == NULL || !fields_judge(form, object, FIELDS_DRAFT, r, v->wrong, &v->wrong_count, why) ||
	    !material_judge(body, v->materials, v->material_count, &r->arena, v->wrong, &v->wrong_count, why))
		return false;
	return how == FIELDS_DRAFT || application_whole(r, v, why);
}

static struct str action_of(const struct application *ap)
{
	if (ap->state == APPLICATION_DRAFT)
		return ap->current == 0 ? STR("none") : application_is_outdated(ap) ? STR("renew") : STR("submit");
	return ap->follows ? STR("supplement") : case_next_name(case_state_row(ap->case_state)->next);
}

void application_members(struct json_out *j, const struct application *ap)
{
	char key[ID_TEXT_BYTES];
	id_text(ap->key, APPLICATION_PREFIX, key);
	json_add_text(j, "id", str_c(key));
	json_add_plain(j, "state", ap->state == APPLICATION_DRAFT ? STR("draft") : STR("submitted"));
	json_add_number(j, "edition", ap->edition);
	json_put_name(j, "matter");
	json_put_object(j);
	json_add_text(j, "code", ap->matter_code);
	json_add_text(j, "name", ap->matter_name);
	json_put_object_end(j);
	json_add_region_code(j, "region", ap->region);
	json_add_number(j, "guide_version", ap->guide_version);
	if (ap->current != 0)
		json_add_number(j, "current_version", ap->current_version);
	else
		json_add_nothing(j, "current_version");
	json_add_boolean(j, "outdated", application_is_outdated(ap));
	json_add_boolean(j, "editable", application_is_editable(ap));
	json_add_boolean(j, "takes_files", application_takes_files(ap));
	json_put_name(j, "next");
	json_put_object(j);
	json_add_plain(j, "action", action_of(ap));
	json_put_object_end(j);
	if (ap->case_id != 0) {
		json_add_text(j, "case_no", str_c(ap->case_no));
		json_add_plain(j, "case_state", case_state_name(ap->case_state));
		json_add_nothing(j, "expires_at");
	} else {
		json_add_nothing(j, "case_no");
		json_add_nothing(j, "case_state");
		json_add_time(j, "expires_at", ap->changed_ms + DRAFT_DAYS * INT64_C(86400000));
	}
	json_add_time(j, "made_at", ap->made_ms);
	json_add_time(j, "changed_at", ap->changed_ms);
}

void application_open_out(struct json_out *j, const struct wrong_field *wrong, int count)
{
	json_put_name(j, "open");
	json_put_array(j);
	for (int i = 0; i < count; i++) {
		json_put_object(j);
		json_add_text(j, "pointer", wrong[i].pointer);
		json_add_text(j, "reason", str_c(wrong[i].reason));
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

void application_etag(struct request *r, int64_t edition)
{
	char text[24];
	size_t len = (size_t)snprintf(text, sizeof text, "\"%lld\"", (long long)edition);
	struct str kept = str_copy(&r->arena, (struct str){ text, len });
	if (kept.at != NULL)
		reply_header(r, "etag", kept);
}

bool application_behind(const struct application *ap, struct fail *why)
{
	FAILS(why, PRECONDITION, "application %lld is at edition %lld", (long long)ap->id, (long long)ap->edition);
	fail_fact_number(why, "edition", ap->edition);
	return false;
}

bool application_closed(const struct application *ap, struct fail *why)
{
	FAILS(why, APPLICATION_STATE, "application %lld", (long long)ap->id);
	if (ap->case_id != 0)
		fail_fact_text(why, "case_no", ap->case_no);
	return false;
}
