/* gateway/commands/command.h - the program's commands: what each needs of the world is said in main.c's table. */
#ifndef GATEWAY_COMMANDS_COMMAND_H
#define GATEWAY_COMMANDS_COMMAND_H
#include "base/config.h"
#include "base/fail.h"
#include "base/json.h"

struct command_line {
	const char *config_path;  /* NULL: defaults */
	char **overrides;         /* "name=value", NULL-terminated */
	char **words;             /* what follows the command, options removed, NULL-terminated */
	int word_count;
	bool cipher, index; /* keys add */
	bool dev, json, verbose, sample, reference, routes, again, all_restored;
	const char *citizen, *department, *hours, *from, *to, *state, *kind;
	bool test;                /* client add */
	const char *xlsx;         /* scoreboard */
	const char *source, *day, *as, *token_file, *ours, *theirs; /* reconcile */
	bool replaces;
	bool help;                /* what this command is for, and nothing is done */
	const char *partner, *scope, *networks, *days;
	bool first;                                                /* staff add */
	const char *account, *person_name, *role, *region;         /* staff */
	struct config config;     /* read and checked, for commands that want it */
};

int command_serve(struct command_line *l);
int command_check(struct command_line *l);
int command_migrate(struct command_line *l);
int command_import(struct command_line *l);
int command_scoreboard(struct command_line *l);
int command_outage(struct command_line *l);
int command_export(struct command_line *l);
int command_token(struct command_line *l);
int command_keys(struct command_line *l);
int command_staff(struct command_line *l);
int command_seal(struct command_line *l);
int command_ledger(struct command_line *l);
int command_reconcile(struct command_line *l);
int command_audit(struct command_line *l);
int command_hold(struct command_line *l);
int command_sms_test(struct command_line *l);
int command_effects(struct command_line *l);
int command_callbacks(struct command_line *l);
int command_nodes(struct command_line *l);
int command_backup(struct command_line *l);
int command_restore(struct command_line *l);
int command_client(struct command_line *l);
int command_terminal(struct command_line *l);
int command_hasher(struct command_line *l); /* hasher_live.c */
int command_version(struct command_line *l);

void tell_wrongs(const struct config_wrongs *wrongs); /* every one, on stderr */
/* Says a failure in plain words on stderr: what, where, what to do. Returns 1. */
int tell_failure(const char *doing, const struct fail *why);
/* The same for a problem that the control socket answered. Returns 1. */
int tell_answer(const char *doing, int status, const char *answer);

/* A whole file, not NUL-terminated; the caller frees it. NULL: `why` names it. */
char *file_read(const char *path, size_t *len, struct fail *why);

/* control_client.c: a command's question goes to the daemon that holds the state folder, over its control socket; when no daemon does,
 * the same handler runs here, on the opened store. */
struct control;
struct control *control_open(const struct config *c, struct fail *why);
struct control *control_open_to_look(const struct config *c, struct fail *why); /* for questions that write nothing */
/* Returns the HTTP status, 0 when no answer came, or not all of it (`why`). *answer is malloc'd, NUL-terminated, the caller's. */
int control_ask(struct control *k, const char *target, const char *content_type, struct str body, char **answer, struct fail *why);

/* A longer talk: what may be absent is NULL. */
struct control_talk {
	const char *target, *content_type;
	const char *token;                                     /* a clerk's own: for what the operator may not do alone; only a running gateway looks at it */
	struct str body;
	void (*sent)(void *ctx, int64_t bytes, int64_t all);   /* of the body, now and then, and when all of it is */
	bool (*take)(void *ctx, struct str piece);             /* a good answer's bytes, as they come, however many; *answer is empty then. false: no more */
	void *ctx;
};
int control_talk(struct control *k, const struct control_talk *t, char **answer, struct fail *why);
void control_close(struct control *k);

/* command_answer.c: the answer as JSON, the caller's. NULL: why was said and *code is what to exit with; or, *code untouched, the answer had no body (204). */
json_t *control_json(struct control *k, const char *doing, const char *target, struct str body, int *code);
json_t *control_json_of(struct control *k, const char *doing, const char *target, const json_t *body, int *code); /* the body stays the caller's */
const char *text_in(const json_t *j, const char *name); /* "" when there is none */
int64_t number_in(const json_t *j, const char *name);    /* 0 likewise */

/* offline.c */
struct offline;
struct offline *offline_open(const struct config *c, bool only_looks, struct fail *why); /* only_looks: no lock, no keys, nothing is written */
int offline_ask(struct offline *o, const struct control_talk *t, char **answer, struct fail *why); /* as control_talk */
void offline_close(struct offline *o);
#endif
