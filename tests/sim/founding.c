/* tests/sim/founding.c - once per process: the database with which every life begins, made by siban's own commands. */
#include "world.h"

#include "auth/person.h"
#include "base/ids.h"
#include "base/json.h"
#include "gateway/requests/task.h"
#include "providers.h"
#include "ram_disk.h"
#include "store/committer.h"
#include <stdlib.h>

enum { TOKEN_HOURS = 720 };

/* The joint matter of model.h. */
#define JOINT_GUIDE                                                                                                                              \
	"{\"code\":\"J\",\"name\":\"联办事项\",\"department\":\"11621299000000000G\",\"region\":\"621200\",\"type\":\"commitment\",\"power\":\"licence\","    \
	"\"legal_days\":30,\"promised_days\":6,\"trips\":0,\"online\":\"full\",\"batch\":1,\"published_on\":\"2026-11-01\",\"aliases\":[],\"topics\":[\"setting_up\"]," \
	"\"subjects\":[\"enterprise\"],\"conditions\":[\"无\"],\"basis\":[{\"title\":\"《行政许可法》\"}],\"materials\":[],\"steps\":[{\"name\":\"办理\",\"days\":6}],"  \
	"\"special\":[],\"fees\":[],\"results\":[{\"name\":\"批复\",\"form\":\"electronic\"}],\"delivery\":[\"electronic\"],\"places\":[],\"faq\":[],"             \
	"\"contact\":{\"advice\":\"0939-0000000\",\"complaint\":\"0939-12345\"},\"parts\":[{\"code\":\"land\",\"name\":\"用地核查\",\"department\":\"12621299TE5T000167\"," \
	"\"days\":2},{\"code\":\"plan\",\"name\":\"方案审查\",\"department\":\"11621299000000000G\",\"days\":3,\"after\":[\"land\"]}]}\n"

static struct world *here;

static void random_from_seed(void *out, size_t len)
{
	rng_fill(&here->rng, out, len);
}

/* One question of an operator, answered before anything else happens. */
static const struct door_answer *control(struct world *w, const char *target, const char *body, struct asked **a)
{
	struct asking q = { METHOD_POST, target, NULL, NULL, body, true };
	*a = door_ask(&w->machine.loops[0], &q, &w->rng, NULL);
	for (int stage = 0; stage < 4 && asked_answer(*a) == NULL; stage++) {
		while (lanes_step(w->machine.gateway.lanes, LANE_CPU) || lanes_step(w->machine.gateway.lanes, LANE_READ))
			;
		door_drop_writes(committer_step(w->machine.gateway.committer));
		door_turn(&w->machine.loops[0]);
	}
	const struct door_answer *answer = asked_answer(*a);
	if (answer == NULL || answer->status >= 300) {
		fprintf(stderr, "sim: %s: %s\n", target, answer != NULL ? answer->body.at : "no answer");
		abort();
	}
	return answer;
}

static void import(struct world *w, const char *kind, const char *csv)
{
	char target[64];
	struct asked *a;
	snprintf(target, sizeof target, "/control/imports/%s", kind);
	control(w, target, csv, &a);
	door_forget(a);
}

static void token(struct world *w, const char *what, const char *who, char to[WORLD_TOKEN_BYTES])
{
	char body[160];
	struct asked *a;
	struct fail why;
	fail_clear(&why);
	bool citizen = strcmp(what, "citizen") == 0;
	snprintf(body, sizeof body, "{\"kind\":\"%s\",\"%s\":\"%s\",%s\"hours\":%d}", what, citizen ? "id_number" : "department", who,
		 citizen && strlen(who) == 18 && who[0] == '9' ? "\"id_type\":\"uscc\"," : "", TOKEN_HOURS);
	const struct door_answer *answer = control(w, "/control/tokens", body, &a);
	DROP(json) json_t *j = json_read(answer->body, &why);
	snprintf(to, WORLD_TOKEN_BYTES, "%s", json_string_value(json_object_get(j, "token")));
	door_forget(a);
}

void world_must_start(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	if (!machine_start(&w->machine, &why)) {
		fprintf(stderr, "sim: cannot start: %s: %s\n", fail_row(why.code)->name, why.log);
		abort();
	}
}

/* Of the two residents; the company has none. */
static bool give_phones(struct tx *tx, void *ctx, struct fail *why)
{
	static const uint8_t salt[16];
	(void)ctx;
	return person_facts_merge(tx, 1, &(struct person_facts){ .phone = STR("13800138001") }, salt, why) &&
	       person_facts_merge(tx, 2, &(struct person_facts){ .phone = STR("13800138002") }, salt, why);
}

void world_begin(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	memset(w, 0, sizeof *w);
	here = w;
	providers_begin();
	machine_begin(&w->machine);
	w->machine.transport = providers_transport();
	ram_vfs_reset(0);
	machine_clock(&w->machine, WORLD_BEGIN_MS);
	random_replace(random_from_seed);
	if (!machine_migrate(&w->machine, &why)) {
		fprintf(stderr, "sim: cannot migrate: %s\n", why.log);
		abort();
	}
	world_must_start(w);
	import(w, "regions", "code,name,level,parent\n620000,甘肃省,1,\n621200,陇南市,2,620000\n621202,武都区,3,621200\n");
	import(w, "departments", "code,name,region\n11621299000000000G,陇南市市场监督管理局,621200\n12621299TE5T000167,陇南市自然资源局,621200\n");
	import(w, "matters", "code,name,department,region,type,legal_days,promised_days,trips,online\n"
			     "M0,企业设立登记,11621299000000000G,621200,commitment,15,3,0,1\nM1,不动产登记,12621299TE5T000167,621200,commitment,30,5,1,0\n");
	import(w, "calendar", "date,kind,name,source,region\n2026-01-01,off,元旦,国办发明电〔2025〕7号,\n");
	import(w, "guides", JOINT_GUIDE);
	token(w, "department", "11621299000000000G", w->department_token[0]);
	token(w, "department", "12621299TE5T000167", w->department_token[1]);
	token(w, "citizen", "621299199006150131", w->person_token[0]);
	token(w, "citizen", "62129919850101006X", w->person_token[1]);
	token(w, "citizen", "91621299MA0000015U", w->person_token[2]);
	if (!store_write(w->machine.gateway.store, give_phones, NULL, &why)) {
		fprintf(stderr, "sim: phones: %s\n", why.log);
		abort();
	}
	machine_stop(&w->machine);
	w->founded = ram_vfs_save();
}

void world_end(struct world *w)
{
	random_replace(NULL);
	ram_vfs_reset(0);
	ram_image_drop(w->founded);
	machine_end(&w->machine);
}
