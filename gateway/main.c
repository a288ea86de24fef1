/* gateway/main.c - `siban <command>`: reads the command line and the configuration, then hands over. */
#include "base/log.h"
#include "gateway/commands/command.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum wants { NOTHING, VALUES /* of the configuration, fit to serve or not */, CONFIG };

static const struct command {
	const char *name;
	enum wants wants;
	int (*run)(struct command_line *l);
	const char *usage, *prose;
} commands[] = {
	{ "serve",   CONFIG,  command_serve,   "",                                  "run the gateway until SIGTERM; logs go to stderr" },
	{ "check",   NOTHING, command_check,   "[--sample | --reference]",          "read the configuration and name every wrong line" },
	{ "migrate", CONFIG,  command_migrate, "",                                  "make the database or bring it to this version" },
	{ "import",  CONFIG,  command_import,  "KIND FILE",  "load a file of the catalogue; a running gateway goes on serving" },
	{ "export",  CONFIG,  command_export,  "guides",     "what is published, on stdout, as import takes it" },
	{ "token",   CONFIG,  command_token,   "--dev (--citizen ID | --department CODE) [--hours N]", "make a development bearer token and print it" },
	{ "keys",    CONFIG,  command_keys,    "list | add (--cipher [ALGORITHM] | --index) | rotate | retire ID", "the keys of the vault; a running gateway goes on serving" },
	{ "seal",    VALUES,  command_seal,    "head | verify [--from SEQ:CHAIN]",  "where the chain of records ends; whether it is still whole" },
	{ "reconcile", VALUES, command_reconcile, "load FILE --source S --day D | status|run|differences|close --day D | settle ITEM ACTION REASON … | export TABLE --from D", "statements, and days held beside our books; siban reconcile --help" },
	{ "ledger",  VALUES,  command_ledger,  "verify",                            "whether every fen is still where it was posted" },
	{ "outage",  CONFIG,  command_outage,  "declare --from DAY --to DAY [--region CODE] REASON", "days on which we could not serve: public, and not counted" },
	{ "scoreboard", CONFIG, command_scoreboard, "--from DAY --to DAY [--xlsx FILE]", "how departments kept their time limits, as CSV or a workbook" },
	{ "audit",   CONFIG,  command_audit,   "export [--from DAY] [--to DAY]",    "the record of acts as lines of JSON, and the head that proves it" },
	{ "hold",    CONFIG,  command_hold,    "list",                              "whom nothing may be deleted of; placed and released by two members of staff" },
	{ "effects", CONFIG,  command_effects, "list | show ID | release|replay|cancel ID | accounts | resume ACCOUNT", "what is done outside, and what went wrong with it" },
	{ "callbacks", CONFIG, command_callbacks, "list | again",                   "what payment platforms told us and nothing could follow from yet; try them now" },
	{ "nodes",   VALUES,  command_nodes,   "",                                  "the gateways that share this database, and what each does for all" },
	{ "staff",   CONFIG,  command_staff,   "list | add --first --account A --name NAME --role ROLE --region CODE | again|certificate --account A …", "the first three administrators, and who there is" },
	{ "backup",  CONFIG,  command_backup,  "FOLDER",                            "copy the database into a new folder; a running gateway goes on serving" },
	{ "restore", CONFIG,  command_restore, "[FOLDER [--to STATE]]",             "look a backup over and put it in the database's place; no gateway may run" },
	{ "sms-test", CONFIG, command_sms_test, "PHONE [NAME=VALUE]...",            "send the test template to one phone and say what became of it" },
	{ "client",  CONFIG,  command_client,  "list|add|allow|key …|cert …|disable|enable", "systems of departments and couriers, their keys and certificates; a secret is printed once" },
	{ "terminal", CONFIG, command_terminal, "list | add NAME PLACE REGION PEMFILE | revoke TERMINAL", "self-service machines and their certificates" },
	{ "hasher",  NOTHING, command_hasher,  "",                                  "where serve has passwords hashed; it starts these by itself" },
	{ "version", NOTHING, command_version, "[--routes]",                        "print the version, or every route" },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int help(FILE *to, int code)
{
	fputs("siban - the mobile gateway of a prefecture's public services\n\nusage: siban COMMAND [--config FILE] [--set NAME=VALUE]...\n\n", to);
	for (int i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %-60s %s\n", commands[i].name, commands[i].usage, commands[i].prose);
	fprintf(to, "  %-8s %-60s %s\n\n", "help", "", "this text");
	fputs("Without --config all knobs have their defaults; `siban check --sample` prints them with their meaning.\n", to);
	return code;
}

static int help_of(struct command_line *l, const struct command *c)
{
	if (c->run == command_reconcile)
		return c->run(l); /* it has more to say, in two languages */
	printf("siban %s %s\n  %s\n", c->name, c->usage, c->prose);
	return 0;
}

static bool read_config(struct command_line *l, enum wants wants)
{
	static struct config_wrongs wrongs;
	config_defaults(&l->config);
	bool ok = config_read(&l->config, l->config_path, &wrongs);
	for (char **o = l->overrides; *o != NULL; o++)
		ok = config_override(&l->config, *o, &wrongs) && ok;
	/* What fields say together is only worth saying when each can be read. */
	if (ok && wants == CONFIG)
		ok = config_consistent(&l->config, &wrongs);
	if (!ok)
		tell_wrongs(&wrongs);
	return ok;
}

static bool read_options(int argc, char **argv, struct command_line *l)
{
	enum { O_CONFIG = 1, O_SET, O_DEV, O_SAMPLE, O_REFERENCE, O_ROUTES, O_CIPHER, O_INDEX, O_CITIZEN, O_DEPARTMENT, O_HOURS, O_FROM, O_TO, O_STATE, O_KIND, O_AGAIN, O_FIRST, O_ACCOUNT, O_NAME, O_ROLE, O_REGION, O_ALL_RESTORED, O_PARTNER, O_SCOPE, O_NETWORKS, O_DAYS, O_TEST, O_XLSX, O_SOURCE, O_DAY, O_REPLACES, O_AS, O_TOKEN_FILE, O_OURS, O_THEIRS, O_HELP };
	static const struct option options[] = {
		{ "config", required_argument, NULL, O_CONFIG }, { "set", required_argument, NULL, O_SET }, { "dev", no_argument, NULL, O_DEV },
		{ "sample", no_argument, NULL, O_SAMPLE }, { "reference", no_argument, NULL, O_REFERENCE }, { "routes", no_argument, NULL, O_ROUTES }, { "cipher", no_argument, NULL, O_CIPHER }, { "index", no_argument, NULL, O_INDEX },
		{ "citizen", required_argument, NULL, O_CITIZEN }, { "department", required_argument, NULL, O_DEPARTMENT },
		{ "hours", required_argument, NULL, O_HOURS }, { "from", required_argument, NULL, O_FROM },
		{ "to", required_argument, NULL, O_TO }, { "state", required_argument, NULL, O_STATE }, { "kind", required_argument, NULL, O_KIND }, { "again", no_argument, NULL, O_AGAIN },
		{ "first", no_argument, NULL, O_FIRST }, { "account", required_argument, NULL, O_ACCOUNT }, { "name", required_argument, NULL, O_NAME },
		{ "role", required_argument, NULL, O_ROLE }, { "region", required_argument, NULL, O_REGION },
		{ "partner", required_argument, NULL, O_PARTNER }, { "scope", required_argument, NULL, O_SCOPE },
		{ "networks", required_argument, NULL, O_NETWORKS }, { "days", required_argument, NULL, O_DAYS }, { "test", no_argument, NULL, O_TEST }, { "xlsx", required_argument, NULL, O_XLSX },
		{ "source", required_argument, NULL, O_SOURCE }, { "day", required_argument, NULL, O_DAY }, { "replaces", no_argument, NULL, O_REPLACES },
		{ "as", required_argument, NULL, O_AS }, { "token-file", required_argument, NULL, O_TOKEN_FILE },
		{ "ours", required_argument, NULL, O_OURS }, { "theirs", required_argument, NULL, O_THEIRS }, { "help", no_argument, NULL, O_HELP },
		{ "all-restored", no_argument, NULL, O_ALL_RESTORED }, { NULL, 0, NULL, 0 },
	};
	int overrides = 0;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (option) {
		case O_CONFIG:     l->config_path = optarg; break;
		case O_SET:        l->overrides[overrides++] = optarg; break;
		case O_DEV:        l->dev = true; break;
		case O_SAMPLE:     l->sample = true; break;
		case O_REFERENCE:  l->reference = true; break;
		case O_CIPHER:     l->cipher = true; break;
		case O_INDEX:      l->index = true; break;
		case O_ROUTES:     l->routes = true; break;
		case O_CITIZEN:    l->citizen = optarg; break;
		case O_DEPARTMENT: l->department = optarg; break;
		case O_HOURS:      l->hours = optarg; break;
		case O_FROM:       l->from = optarg; break;
		case O_TO:         l->to = optarg; break;
		case O_STATE:      l->state = optarg; break;
		case O_KIND:       l->kind = optarg; break;
		case O_AGAIN:      l->again = true; break;
		case O_FIRST:      l->first = true; break;
		case O_ACCOUNT:    l->account = optarg; break;
		case O_NAME:       l->person_name = optarg; break;
		case O_ROLE:       l->role = optarg; break;
		case O_REGION:     l->region = optarg; break;
		case O_PARTNER:    l->partner = optarg; break;
		case O_SCOPE:      l->scope = optarg; break;
		case O_NETWORKS:   l->networks = optarg; break;
		case O_DAYS:       l->days = optarg; break;
		case O_TEST:       l->test = true; break;
		case O_XLSX:       l->xlsx = optarg; break;
		case O_SOURCE:     l->source = optarg; break;
		case O_DAY:        l->day = optarg; break;
		case O_REPLACES:   l->replaces = true; break;
		case O_AS:         l->as = optarg; break;
		case O_TOKEN_FILE: l->token_file = optarg; break;
		case O_OURS:       l->ours = optarg; break;
		case O_THEIRS:     l->theirs = optarg; break;
		case O_HELP:       l->help = true; break;
		case O_ALL_RESTORED: l->all_restored = true; break;
		default:           return false; /* getopt has said what is wrong */
		}
	}
	l->words = argv + optind;
	l->word_count = argc - optind;
	return true;
}

int main(int argc, char **argv)
{
	static struct command_line l;
	if (argc < 2)
		return help(stderr, 2);
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
		return help(stdout, 0);
	const struct command *command = NULL;
	for (int i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			command = &commands[i];
	if (command == NULL) {
		fprintf(stderr, "siban: there is no command \"%s\"\n\n", argv[1]);
		return help(stderr, 2);
	}
	l.overrides = calloc((size_t)argc, sizeof(char *));
	if (l.overrides == NULL || !read_options(argc - 1, argv + 1, &l))
		return 2;
	if (l.help)
		return help_of(&l, command);
	if (command->run != command_serve)
		log_open(STDERR_FILENO, LOG_WARN); /* a command speaks for itself */
	int code = command->wants == NOTHING || read_config(&l, command->wants) ? command->run(&l) : 1;
	log_flush();
	free(l.overrides);
	return code;
}
