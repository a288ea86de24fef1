/* tests/unit/joint_world.h - a joint matter J1 in the small world: DEPARTMENT_A (1) leads, DEPARTMENT_B (2) has the parts "land" (3 days) and, after it, "plan" (2 days),
 * A itself the part "fees" (4 days). Promised 10 days, by law 30. */
#ifndef TESTS_JOINT_WORLD_H
#define TESTS_JOINT_WORLD_H
#include "tests/unit/services_world.h"

#define JOINT_PARTS                                                                                                             \
	"[{\"code\":\"land\",\"name\":\"用地核查\",\"department\":\"" DEPARTMENT_B "\",\"days\":3},"                             \
	"{\"code\":\"plan\",\"name\":\"方案审查\",\"department\":\"" DEPARTMENT_B "\",\"days\":2,\"after\":[\"land\"]},"        \
	"{\"code\":\"fees\",\"name\":\"规费核定\",\"department\":\"" DEPARTMENT_A "\",\"days\":4}]"

static inline void joint_set(json_t *guide, const char *name, const char *json)
{
	assert_int_equal(json_object_set_new(guide, name, json_loads(json, JSON_DECODE_ANY, NULL)), 0);
}

static inline json_t *joint_guide(void)
{
	json_error_t e;
	json_t *g = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/data/guide.json", 0, &e);
	assert_non_null(g);
	joint_set(g, "code", "\"J1\"");
	joint_set(g, "name", "\"联办事项\"");
	joint_set(g, "department", "\"" DEPARTMENT_A "\"");
	joint_set(g, "legal_days", "30");
	joint_set(g, "promised_days", "10");
	joint_set(g, "places", "[]");
	joint_set(g, "trips", "0");
	joint_set(g, "parts", JOINT_PARTS);
	return g;
}

static inline void joint_import(struct world *w)
{
	world_import_small(w);
	json_t *g = joint_guide();
	char *text = json_dumps(g, JSON_COMPACT);
	world_import(w, "guides", text);
	free(text);
	json_decref(g);
}

#define JOINT_EVENT(id, ref, seq, name, day, more)                                                                              \
	"{\"event_id\":\"" id "\",\"case_ref\":\"" ref "\",\"seq\":" seq ",\"event\":\"" name "\",\"occurred_at\":\"" day "T10:00:00+08:00\"" more "}"
#define JOINT_OPENING ",\"matter\":\"J1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}"

/* Opens and accepts the whole W on that day; its number is in `case_no`. */
static inline void joint_open(struct world *w, char case_no[32])
{
	world_expect(w, world_post(w, 1, JOINT_EVENT("w1", "W", "1", "submitted", "2026-03-02", JOINT_OPENING)));
	const char *at = strstr(world_body(w), "\"case_no\":\"");
	assert_non_null(at);
	snprintf(case_no, 32, "%.25s", at + 11);
	world_expect(w, world_post(w, 1, JOINT_EVENT("w2", "W", "2", "accepted", "2026-03-02", "")));
}

/* The next event of a part, under its own number; seq 1 begins it. */
static inline bool joint_event(struct world *w, int64_t department, const char *case_no, const char *part, int seq, const char *name, const char *day, const char *more)
{
	char body[768], opening[128] = "";
	if (seq == 1)
		snprintf(opening, sizeof opening, ",\"whole\":\"%s\",\"part\":\"%s\"", case_no, part);
	snprintf(body, sizeof body, "{\"event_id\":\"%s-%d\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"%sT10:00:00+08:00\"%s%s}", part, seq, part, seq, name,
		 day, opening, more);
	return world_post(w, department, body);
}
#endif
