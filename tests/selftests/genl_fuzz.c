// SPDX-License-Identifier: GPL-2.0-only
/*
 * 100,000 malformed requests: random ones, and right ones with something spoiled. The kernel must refuse or answer each and
 * live on; WARREN_FUZZ_SEED repeats a run.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nl.h"
#include "vm.h"

#define MESSAGES 100000
#define WORKERS 2		/* processes: requests meet each other, too */
#define CHUNK 500		/* messages between two looks at whether the family still answers */
#define DUMPS 32		/* one message of so many asks for a dump */
#define MESSAGE_SIZE 1024	/* no message is longer */
#define DATAGRAM 4096

static u64 state;

/* xorshift64*: repeatable everywhere */
static u32 rnd(u32 below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (u32)((state * 0x2545f4914f6cdd1dull) >> 32) % below;
}

static u32 some_u32(u32 id)
{
	static const u32 edge[] = { 0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 255, 256 };

	return rnd(2) ? id : edge[rnd(ARRAY_SIZE(edge))];
}

static void put_random(struct nl_msg *m)
{
	u8 data[80];
	u32 i, len = rnd(sizeof(data) + 1);

	for (i = 0; i < len; i++)
		data[i] = rnd(256);
	msg_put(m, rnd(4) ? rnd(20) : rnd(65536), data, len);
}

static void put_right(struct nl_msg *m, u32 id)
{
	static const char *const names[] = { "a", "web", "x.y-z_0", "", "9", "a b", "%n%s", "\377" };

	switch (rnd(4)) {
	case 0:
		msg_str(m, WARREN_A_VM_NAME, names[rnd(ARRAY_SIZE(names))]);
		break;
	case 1:
		msg_put(m, WARREN_A_VM_UUID, names, WARREN_UUID_SIZE);
		break;
	default:
		msg_u32(m, rnd(2) ? WARREN_A_VM_ID : WARREN_A_VCPU_INDEX, some_u32(id));
	}
}

/* Attributes in a nest of a nest of... */
static void put_deep(struct nl_msg *m)
{
	u8 data[64] = {};
	u32 at;

	for (at = 0; at + 4 <= sizeof(data); at += 4)
		*(u16 *)(data + at) = sizeof(data) - at, *(u16 *)(data + at + 2) = rnd(20) | NLA_F_NESTED;
	msg_put(m, rnd(20) | NLA_F_NESTED, data, sizeof(data));
}

/* True when the message is not as long any more as it says: it can only be the last of a datagram. */
static bool spoil(struct nl_msg *m)
{
	u8 *p = m->bytes + NLMSG_HDRLEN;
	u32 len = m->head.nlmsg_len - NLMSG_HDRLEN;

	switch (rnd(8)) {
	case 0:
		m->head.nlmsg_len -= rnd(len);
		return true;
	case 1:
		m->head.nlmsg_len += rnd(32);
		return true;
	case 2:
		m->head.nlmsg_flags = (rnd(65536) & ~NLM_F_DUMP) | NLM_F_REQUEST;
		return false;
	case 3:
	case 4:
		if (len > GENL_HDRLEN)
			*(u16 *)(p + GENL_HDRLEN) = rnd(2) ? rnd(65536) : rnd(8);
		return false;
	default:
		p[rnd(len)] ^= 1u << rnd(8);
		return false;
	}
}

/* True: see spoil() */
static bool make(struct nl *nl, struct nl_msg *m, u32 id)
{
	u32 n = rnd(5);

	memset(m->bytes, 0, MESSAGE_SIZE);
	msg_init(nl, m, rnd(8) ? rnd(__WARREN_CMD_MAX + 2) : rnd(256), rnd(DUMPS) ? 0 : NLM_F_DUMP);
	while (n--)
		switch (rnd(8)) {
		case 0:
		case 1:
			put_random(m);
			break;
		case 2:
			put_deep(m);
			break;
		default:
			put_right(m, id);
		}
	return rnd(2) && spoil(m);
}

/* Many messages go in one datagram: the kernel serves them one after the other. */
static struct {
	u8 bytes[DATAGRAM + MESSAGE_SIZE];
	size_t len;
} out;

static void flush(struct nl *nl, size_t len)
{
	if (len && send(nl->fd, out.bytes, len, MSG_DONTWAIT) < 0)
		FAIL("a datagram of %zu bytes: %s", len, strerror(errno));
	out.len = 0;
}

/* As many bytes as the message says, or fewer, or more. */
static void add(struct nl *nl, const struct nl_msg *m, bool last)
{
	memcpy(out.bytes + out.len, m, MESSAGE_SIZE);
	out.len += NLMSG_ALIGN(m->head.nlmsg_len);
	if (last)
		flush(nl, out.len - NLMSG_ALIGN(m->head.nlmsg_len) + (rnd(2) ? m->head.nlmsg_len : 1 + rnd(MESSAGE_SIZE)));
	else if (out.len >= DATAGRAM)
		flush(nl, out.len);
}

static void drain(struct nl *nl)
{
	while (recv(nl->fd, nl->in, sizeof(nl->in), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	nl->len = nl->at = 0;
}

static u64 seed(void)
{
	const char *s = getenv("WARREN_FUZZ_SEED");

	return s && atoll(s) ? (u64)atoll(s) : 20261;
}

static void fuzz(u32 id, u64 from, u32 nr)
{
	struct nl nl, checker;
	struct nl_msg m;
	u32 i;

	state = from;
	nl_open(&nl);
	nl_open(&checker);
	for (i = 0; i < nr; i++) {
		bool last = make(&nl, &m, id), dump = m.head.nlmsg_flags & NLM_F_DUMP;

		add(&nl, &m, last || dump);
		/* A dump goes on when it is read, and only one at a time. */
		if (dump)
			drain(&nl);
		if (i % CHUNK == 0) {
			drain(&nl);
			CHECK_EQ(nl_vm_get(&checker, id, &m), 0);
			CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_ID), id);
		}
	}
	flush(&nl, out.len);
	CHECK_EQ(nl_count(&checker), 1);
}

TEST(malformed_messages)
{
	/* Nothing of it is a vendor's, and Bochs is slow. */
	u32 nr = MESSAGES / WORKERS / (strcmp(getenv("WARREN_VENDOR") ?: "", "vmx") ? 1 : 20);
	u64 first = seed();
	struct vcpu v;
	struct vm vm;
	int i, status;
	u32 id;

	if (is_kvm())
		SKIP("KVM has no such family");
	id = new_vm(&vm);
	vcpu_init(&v, &vm, 0);
	test_note("seed %lu, %u messages", (unsigned long)first, nr * WORKERS);
	for (i = 0; i < WORKERS; i++) {
		if (CHECK_OK(fork()))
			continue;
		fuzz(id, first + i, nr);
		_exit(0);
	}
	for (i = 0; i < WORKERS; i++) {
		CHECK_OK(wait(&status));
		CHECK_EQ(status, 0);
	}
}
