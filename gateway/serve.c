/* gateway/serve.c - the daemon: signals in, gateway up, wait, gateway down. */
#include "base/fault.h"
#include "base/log.h"
#include "gateway/commands/command.h"
#include "gateway/gateway.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* sd_notify(3) without the library: one datagram, when systemd asked for it. */
static void notify_systemd(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (path == NULL || strlen(path) >= sizeof(to.sun_path))
		return;
	strcpy(to.sun_path, path);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0)
		LOG_EVENT(listen_failed, STR_NONE, L_C(path), L_C("sd_notify"));
	close(fd);
}

static void reload(struct gateway *g)
{
	static struct config_wrongs wrongs;
	char changed[1024], refused[1024];
	wrongs.count = 0;
	if (gateway_reload(g, changed, sizeof(changed), refused, sizeof(refused), &wrongs))
		return;
	for (int i = 0; i < wrongs.count && i < CONFIG_WRONGS_MAX; i++)
		LOG_EVENT(config_wrong, STR_NONE, L_INT(wrongs.at[i].line), L_C(wrongs.at[i].name), L_C(wrongs.at[i].why));
}

int command_serve(struct command_line *l)
{
	static struct gateway g;
	struct fail why;
	sigset_t wanted;
	fail_clear(&why);
	log_open(STDERR_FILENO, (enum log_level)l->config.log_level);
	signal(SIGPIPE, SIG_IGN);
	/* Every thread inherits this mask; only sigwait below hears these. */
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &wanted, NULL);

	g.config_path = l->config_path;
	g.overrides = l->overrides;
	if (!gateway_start(&g, &l->config, &why)) {
		log_flush();
		return tell_failure("serve", &why);
	}
	notify_systemd("READY=1");
	for (int signal_number;;) {
		sigwait(&wanted, &signal_number);
		if (signal_number == SIGHUP) {
			reload(&g);
			log_flush();
			continue;
		}
		notify_systemd("STOPPING=1");
		LOG_EVENT(stopping, STR_NONE, L_INT(signal_number));
		log_flush(); /* now: the stop may take its time, or be cut short */
		break;
	}
	gateway_stop(&g);
	return 0;
}
