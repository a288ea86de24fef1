/* gateway/door/tls_hosts.c - why in the hello and not in the callback of the name: that one comes after OpenSSL has looked for a session to resume. */
#include "gateway/door/tls_hosts.h"
#include "base/client_hosts.h"
#include "base/hash.h"
#include <openssl/err.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 253, NAME_TYPE_HOST = 0 };

struct tls_host {
	struct tls_host *next;
	SSL_CTX *ctx;
	char name[NAME_MAX_BYTES + 1];
};

struct tls_hosts {
	struct tls_host *first;
};

/* ---- contexts ---- */

static bool wrong_file(struct fail *why, const char *path, const char *what)
{
	char text[120];
	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	return FAILS(why, CONFIG, "tls.client_hosts: %s %s: %s", what, path, text);
}

static bool shows_the_same(SSL_CTX *ctx, SSL_CTX *shown)
{
	STACK_OF(X509) *chain = NULL;
	return SSL_CTX_get0_chain_certs(shown, &chain) == 1 &&
	       SSL_CTX_use_cert_and_key(ctx, SSL_CTX_get0_certificate(shown), SSL_CTX_get0_privatekey(shown), chain, 1) == 1;
}

/* A session belongs to the context it was made in: one of another name is not resumed here. */
static bool name_context(SSL_CTX *ctx, const char *name)
{
	uint8_t digest[SHA256_BYTES];
	sha256(str_c(name), digest);
	return SSL_CTX_set_session_id_context(ctx, digest, sizeof(digest)) == 1;
}

static bool host_add(struct tls_hosts *hosts, struct str name, struct str file, SSL_CTX *shown, struct fail *why)
{
	char path[1024];
	struct tls_host *h = calloc(1, sizeof(*h));
	if (h == NULL || (h->ctx = SSL_CTX_new(TLS_server_method())) == NULL) {
		free(h);
		return FAILS(why, MEMORY, "TLS of %.*s", STR_ARG(name));
	}
	h->next = hosts->first;
	hosts->first = h;
	if (name.len > NAME_MAX_BYTES || file.len == 0 || file.len >= sizeof(path))
		return FAILS(why, CONFIG, "tls.client_hosts: NAME=FILE, not \"%.*s=%.*s\"", STR_ARG(name), STR_ARG(file));
	memcpy(h->name, name.at, name.len);
	memcpy(path, file.at, file.len);
	path[file.len] = '\0';
	if (SSL_CTX_load_verify_file(h->ctx, path) != 1)
		return wrong_file(why, path, "no certificates in");
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
	if (names == NULL)
		return wrong_file(why, path, "no certificates in");
	SSL_CTX_set_client_CA_list(h->ctx, names);
	return (shows_the_same(h->ctx, shown) && name_context(h->ctx, h->name)) || wrong_file(why, path, "a context for");
}

struct tls_hosts *tls_hosts_make(const char *list, SSL_CTX *shown, SSL_CTX_alpn_select_cb_func on_alpn, struct fail *why)
{
	struct str left = str_c(list), name, file;
	struct tls_hosts *h = calloc(1, sizeof(*h));
	if (h == NULL) {
		FAILS(why, MEMORY, "tls.client_hosts");
		return NULL;
	}
	while (client_hosts_next(&left, &name, &file)) {
		if (!host_add(h, name, file, shown, why)) {
			tls_hosts_drop(h);
			return NULL;
		}
		SSL_CTX_set_alpn_select_cb(h->first->ctx, on_alpn, NULL);
	}
	return h;
}

void tls_hosts_drop(struct tls_hosts *h)
{
	if (h == NULL)
		return;
	for (struct tls_host *next, *one = h->first; one != NULL; one = next) {
		next = one->next;
		SSL_CTX_free(one->ctx);
		free(one);
	}
	free(h);
}

/* ---- the hello ---- */

/* RFC 6066 3: a list of one name. What is written otherwise OpenSSL refuses in a moment. */
static struct str name_asked(SSL *ssl)
{
	const unsigned char *at;
	size_t len;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &at, &len) != 1 || len < 5)
		return STR_NONE;
	size_t list = (size_t)at[0] << 8 | at[1], name = (size_t)at[3] << 8 | at[4];
	if (at[2] != NAME_TYPE_HOST || list + 2 != len || name + 5 != len)
		return STR_NONE;
	return (struct str){ (const char *)at + 5, name };
}

void tls_hosts_choose(const struct tls_hosts *h, SSL *ssl)
{
	struct str name = h->first != NULL ? name_asked(ssl) : STR_NONE;
	for (const struct tls_host *one = name.len > 0 ? h->first : NULL; one != NULL; one = one->next) {
		if (!str_eq_nocase(name, str_c(one->name)))
			continue;
		SSL_set_SSL_CTX(ssl, one->ctx); /* changes certificate, authorities and context of sessions; the rest is the connection's own */
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
		SSL_set_options(ssl, SSL_OP_NO_TICKET);
		SSL_set_num_tickets(ssl, 0);
		return;
	}
}
