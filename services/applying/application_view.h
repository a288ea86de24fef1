/* services/applying/application_view.h - an application as its person sees it. Thread: any. */
#ifndef SERVICES_APPLICATION_VIEW_H
#define SERVICES_APPLICATION_VIEW_H
#include "base/request.h"
#include "services/applying/application.h"

struct changes;
struct material;

struct application_view {
	struct application ap;
	struct material *materials; /* room for MATERIALS_MAX */
	int material_count;
	struct wrong_field *wrong; /* what is open before it can be handed in */
	int wrong_count;
	int64_t *may_follow;       /* materials that are not there and may come later: room for MATERIAL_NUMBERS_MAX */
	int may_follow_count;
	int level;                 /* how well he must be known who hands it in (auth/levels.def) */
	struct changes *changes;   /* of application_show alone */
};

/* The application named by the path's first parameter, whose owner the runtime compares: *is_seen false when it is not the asker's. Fails: NOT_FOUND; SEALED. */
MUST_USE bool application_asked(struct tx *tx, struct request *r, struct application *out, bool *is_seen, struct fail *why);
/* Judges `answers` (JSON) by the form of that guide, and what was uploaded (v->materials, read here) by its materials. Fails: as fields_judge; for FIELDS_WHOLE FORM when
 * anything is open. */
MUST_USE bool application_judge(struct tx *tx, struct request *r, struct application_view *v, int64_t guide, struct str answers, enum fields_how how, struct fail *why);
/* FORM when anything is open: r->wrong is v->wrong then. */
MUST_USE bool application_whole(struct request *r, const struct application_view *v, struct fail *why);
/* One object's members; answers and what is open only with `wrong` judged. */
void application_members(struct json_out *j, const struct application *ap);
void application_open_out(struct json_out *j, const struct wrong_field *wrong, int count);
void application_etag(struct request *r, int64_t edition);
/* A note for PRECONDITION and APPLICATION_STATE. Always false. */
bool application_behind(const struct application *ap, struct fail *why);
bool application_closed(const struct application *ap, struct fail *why);
#endif
