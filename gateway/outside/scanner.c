/* gateway/outside/scanner.c - a socket that waits, with a limit on every wait. */
#include "gateway/outside/scanner.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "channels/clamd.h"
#include "services/applying/scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 10 };
enum scan_end { SCAN_CLEAN, SCAN_FOUND, SCAN_AWAY, SCAN_ENDS };

static struct {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
		struct sockaddr_un path;
	} to;
	socklen_t len;
	int timeout_ms;
} clamd;

/* ---- where it is ---- */

static bool path_of(struct str text)
{
	if (text.len >= sizeof clamd.to.path.sun_path)
		return false;
	clamd.to.path.sun_family = AF_UNIX;
	memcpy(clamd.to.path.sun_path, text.at, text.len);
	clamd.len = sizeof clamd.to.path;
	return true;
}

/* 127.0.0.1:3310, [::1]:3310 */
static bool numbers_of(struct str text)
{
	char host[INET6_ADDRSTRLEN];
	int64_t port;
	size_t colon = text.len;
	while (colon > 0 && text.at[colon - 1] != ':')
		colon--;
	if (colon < 2 || !str_to_i64((struct str){ text.at + colon, text.len - colon }, 1, 65535, &port))
		return false;
	struct str name = { text.at, colon - 1 };
	bool six = name.at[0] == '[' && name.at[name.len - 1] == ']';
	if (six)
		name = (struct str){ name.at + 1, name.len - 2 };
	if (name.len >= sizeof host)
		return false;
	memcpy(host, name.at, name.len);
	host[name.len] = '\0';
	clamd.len = six ? sizeof clamd.to.six : sizeof clamd.to.four;
	if (six) {
		clamd.to.six.sin6_family = AF_INET6;
		clamd.to.six.sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, host, &clamd.to.six.sin6_addr) == 1;
	}
	clamd.to.four.sin_family = AF_INET;
	clamd.to.four.sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &clamd.to.four.sin_addr) == 1;
}

/* ---- a connection ---- */

static bool away(const char *what, struct fail *why)
{
	metric_add(M_scans, SCAN_AWAY, 1);
	LOG_EVENT(scan_away, STR_NONE, L_C(what));
	return FAILS(why, SCAN_AWAY, "clamd: %s", what);
}

/* true: it is ready for that before `until`. */
static bool ready(int fd, short events, int64_t until_ms)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = until_ms - clock_mono_ms();
		if (left <= 0)
			return false;
		int n = poll(&p, 1, (int)left);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static bool reached(int fd, int64_t until_ms)
{
	int error = 0;
	socklen_t len = sizeof error;
	if (connect(fd, &clamd.to.any, clamd.len) == 0)
		return true;
	return (errno == EINPROGRESS || errno == EAGAIN) && ready(fd, POLLOUT, until_ms) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

static bool send_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;
	int64_t until_ms = clock_mono_ms() + clamd.timeout_ms;
	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
			continue;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR) || !ready(fd, POLLOUT, until_ms))
			return false;
	}
	return true;
}

/* Until it has ended its line, or the connection. */
static bool answer_of(int fd, char out[CLAMD_ANSWER_MAX + 1], size_t *len)
{
	int64_t until_ms = clock_mono_ms() + clamd.timeout_ms;
	for (*len = 0; *len <= CLAMD_ANSWER_MAX;) {
		ssize_t n = recv(fd, out + *len, CLAMD_ANSWER_MAX + 1 - *len, 0);
		if (n == 0)
			return *len > 0;
		if (n < 0) {
			if ((errno != EAGAIN && errno != EINTR) || !ready(fd, POLLIN, until_ms))
				return false;
			continue;
		}
		*len += (size_t)n;
		if (out[*len - 1] == '\0')
			return true;
	}
	return false;
}

/* ---- a file ---- */

/* What could not be sent to the end, it may have answered already: too large for it, or out of patience. */
static bool sent(int fd, int64_t bytes, scan_source source, void *ctx, char *piece, struct fail *why)
{
	uint8_t length[CLAMD_LENGTH_BYTES];
	if (!send_all(fd, CLAMD_INSTREAM.at, CLAMD_INSTREAM.len))
		return false;
	for (int64_t at = 0; at < bytes;) {
		size_t len = bytes - at < PIECE_BYTES ? (size_t)(bytes - at) : PIECE_BYTES;
		clamd_length((uint32_t)len, length);
		if (!source(ctx, at, piece, len, why) || !send_all(fd, length, sizeof length) || !send_all(fd, piece, len))
			return false;
		at += (int64_t)len;
	}
	clamd_length(0, length);
	return send_all(fd, length, sizeof length);
}

static bool judged(int fd, struct fail *why)
{
	char answer[CLAMD_ANSWER_MAX + 1], name[CLAMD_NAME_MAX + 1];
	size_t len;
	if (!answer_of(fd, answer, &len))
		return away("no answer", why);
	switch (clamd_judge((struct str){ answer, len }, name)) {
	case CLAMD_CLEAN:
		metric_add(M_scans, SCAN_CLEAN, 1);
		return true;
	case CLAMD_FOUND:
		metric_add(M_scans, SCAN_FOUND, 1);
		LOG_EVENT(scan_found, STR_NONE, L_C(name));
		return FAILS(why, SCAN_FOUND, "%s", name);
	case CLAMD_ERROR:
		return away("it cannot look at this", why);
	case CLAMD_NONSENSE:
		break;
	}
	return away("nonsense", why);
}

static bool scan(int64_t bytes, scan_source source, void *ctx, struct fail *why)
{
	char *piece = malloc(PIECE_BYTES);
	int fd = piece != NULL ? socket(clamd.to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
	bool ok = false;
	if (piece == NULL)
		FAILS(why, MEMORY, "a scan");
	else if (fd < 0 || !reached(fd, clock_mono_ms() + clamd.timeout_ms))
		away("not reached", why);
	else if (!sent(fd, bytes, source, ctx, piece, why))
		ok = why->code == FAIL_NONE && away("it took no more", why);
	else
		ok = judged(fd, why);
	if (fd >= 0)
		close(fd);
	if (piece != NULL)
		explicit_bzero(piece, PIECE_BYTES);
	free(piece);
	return ok;
}

bool scanner_start(const struct config *c, struct fail *why)
{
	static const char *const ends[SCAN_ENDS] = { "clean", "found", "away" };
	struct str address = str_c(c->scanner_clamd);
	for (int i = 0; i < SCAN_ENDS; i++)
		metric_label(M_scans, i, ends[i]);
	if (address.len == 0)
		return true;
	memset(&clamd, 0, sizeof clamd);
	clamd.timeout_ms = (int)c->scanner_timeout_ms;
	if (address.at[0] == '/' ? !path_of(address) : !numbers_of(address))
		return FAILS(why, CONFIG, "scanner.clamd: neither a path nor numbers and a port");
	services_scanner(scan);
	return true;
}
