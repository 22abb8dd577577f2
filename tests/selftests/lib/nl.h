/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generic netlink for tests: a socket, requests, answers and events of the family "warren", without a library, so that what is
 * malformed can be sent as well. Functions fail the test when something that must work does not, unless they say otherwise.
 */
#ifndef SELFTESTS_NL_H
#define SELFTESTS_NL_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

#include <linux/warren.h>
#include <linux/warren_genl.h>

#include "../harness.h"

#define NL_SIZE 4096

struct vm;

struct nl {
	int fd;
	u16 family;
	u32 group;		/* of events */
	u32 seq;
	char error[128];	/* what the kernel said to the last request */
	/* A datagram may hold several messages: what was not taken waits here. Small, so that a dump takes many. */
	size_t len, at;
	u8 in[NL_SIZE];
};

/* A message: what is sent, or one of those received */
struct nl_msg {
	union {
		struct nlmsghdr head;
		u8 bytes[NL_SIZE];
	};
};

void nl_open(struct nl *nl);
void nl_close(struct nl *nl);

void msg_init(struct nl *nl, struct nl_msg *m, u8 cmd, u16 flags);
void msg_put(struct nl_msg *m, u16 type, const void *data, size_t len);
void msg_u32(struct nl_msg *m, u16 type, u32 value);
void msg_str(struct nl_msg *m, u16 type, const char *s);

u8 msg_cmd(const struct nl_msg *m);
/* An attribute's payload and its length, or NULL; in_attr() looks into a nest. */
const void *msg_attr(const struct nl_msg *m, u16 type, size_t *len);
const void *in_attr(const void *nest, size_t size, u16 type, size_t *len);
bool msg_has(const struct nl_msg *m, u16 type);
u32 msg_get_u32(const struct nl_msg *m, u16 type);
u64 msg_get_u64(const struct nl_msg *m, u16 type);
const char *msg_get_str(const struct nl_msg *m, u16 type);

/* Sends as it is; what the kernel answers is the caller's to read. */
void nl_send(struct nl *nl, const struct nl_msg *m);
/* One message; false when none comes within ms, or the socket has lost some (errno is ENOBUFS then). */
bool nl_read(struct nl *nl, struct nl_msg *m, int ms);
/* Sends and waits: 0 or a negative error. The answer, if there is one before the acknowledgment, is in *answer (may be NULL). */
int nl_ask(struct nl *nl, struct nl_msg *m, struct nl_msg *answer);
/* Sends a dump request, calls fn with each message; 0 or a negative error. */
int nl_dump(struct nl *nl, struct nl_msg *m, void (*fn)(const struct nl_msg *m, void *arg), void *arg);

/* Requests of one line: 0 or a negative error. */
int nl_vm_get(struct nl *nl, u32 id, struct nl_msg *answer);
int nl_vm_get_name(struct nl *nl, const char *name, struct nl_msg *answer);
int nl_vcpu_get(struct nl *nl, u32 id, u32 index, struct nl_msg *answer);
int nl_set_name(struct nl *nl, u32 id, const char *name);
int nl_command(struct nl *nl, u8 cmd, u32 id);	/* WARREN_CMD_VM_PAUSE, WARREN_CMD_VM_RESUME */
int nl_listen(struct nl *nl);
/* A VM without memory, of the user that the process is now; its id. */
u32 new_vm(struct vm *vm);
u32 vm_id(struct vm *vm);
/* How many VMs a dump shows */
int nl_count(struct nl *nl);

#endif
