/* services/control/control_nodes.c - `siban nodes` asks: which gateways share this database, and what each of them does for all. */
#include "services/handlers.h"
#include "services/services.h"
#include "store/node.h"

struct look {
	struct node_row nodes[NODES_MAX];
	struct job_row_lease jobs[NODE_JOBS_MAX];
	int node_count, job_count;
};

static bool nodes_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	return request_state(r, sizeof(struct look), why) != NULL && request_query_only(r, no_query, why);
}

static bool nodes_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct look *l = r->state;
	return node_list(tx, l->nodes, &l->node_count, why) && node_job_list(tx, l->jobs, &l->job_count, why);
}

static void job_out(struct json_out *j, const struct job_row_lease *job)
{
	json_put_object(j);
	json_add_text(j, "job", str_c(job->name));
	json_add_number(j, "bites", job->bites);
	if (job->last_ms > 0)
		json_add_time(j, "last_at", job->last_ms);
	json_put_object_end(j);
}

static void node_out(struct json_out *j, const struct look *l, const struct node_row *n)
{
	json_put_object(j);
	json_add_number(j, "node", n->id);
	json_add_text(j, "host", str_c(n->host));
	json_add_text(j, "version", str_c(n->version));
	json_add_time(j, "began_at", n->began_ms);
	json_add_time(j, "seen_at", n->seen_ms);
	if (n->ended_ms > 0)
		json_add_time(j, "ended_at", n->ended_ms);
	json_put_name(j, "jobs");
	json_put_array(j);
	for (int i = 0; i < l->job_count; i++)
		if (l->jobs[i].owner == n->id)
			job_out(j, &l->jobs[i]);
	json_put_array_end(j);
	json_put_object_end(j);
}

static bool nodes_render(struct request *r, struct fail *why)
{
	const struct look *l = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < l->node_count; i++)
		node_out(&j, l, &l->nodes[i]);
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_nodes = { .parse = nodes_parse, .look = nodes_look, .render = nodes_render };
