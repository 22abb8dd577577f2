// SPDX-License-Identifier: GPL-2.0-only
/*
 * 100,000 malformed requests: random ones, and right ones with something spoiled. The kernel must refuse or answer each and
 * live on; WARREN_FUZZ_SEED repeats a run.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nl.h"
#include "vm.h"

#define MESSAGES 100000
#define CHUNK 50		/* messages between two looks at whether the family still answers */

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

static void spoil(struct nl_msg *m)
{
	u8 *p = m->bytes + NLMSG_HDRLEN;
	u32 len = m->head.nlmsg_len - NLMSG_HDRLEN;

	switch (rnd(5)) {
	case 0:
		p[rnd(len)] ^= 1u << rnd(8);
		break;
	case 1:
		m->head.nlmsg_len -= rnd(len);
		break;
	case 2:
		m->head.nlmsg_len += rnd(32);
		break;
	case 3:
		m->head.nlmsg_flags = rnd(65536) | NLM_F_REQUEST;
		break;
	default:
		if (len > GENL_HDRLEN)
			*(u16 *)(p + GENL_HDRLEN) = rnd(2) ? rnd(65536) : rnd(8);
	}
}

static void make(struct nl *nl, struct nl_msg *m, u32 id)
{
	u32 n = rnd(5);

	memset(m->bytes, 0, 1024);
	msg_init(nl, m, rnd(8) ? rnd(__WARREN_CMD_MAX + 2) : rnd(256), rnd(4) ? 0 : NLM_F_DUMP);
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
	if (rnd(3))
		spoil(m);
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

TEST(malformed_messages)
{
	struct nl nl, checker;
	u32 i, id, answered = 0;
	struct nl_msg m;
	struct vcpu v;
	struct vm vm;
	struct warren_vm_info info;

	nl_open(&nl);
	nl_open(&checker);
	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_OK(ioctl(vm.fd, WARREN_GET_VM_INFO, &info));
	id = info.id;
	state = seed();
	test_note("seed %lu", (unsigned long)state);
	for (i = 0; i < MESSAGES; i++) {
		make(&nl, &m, id);
		/* As many bytes as the header says, or fewer, or more. */
		if (send(nl.fd, &m, rnd(16) ? m.head.nlmsg_len : 1 + rnd(1024), MSG_DONTWAIT) < 0)
			FAIL("message %u of %u bytes: %s", i, m.head.nlmsg_len, strerror(errno));
		if (i % CHUNK == 0) {
			drain(&nl);
			CHECK_EQ(nl_vm_get(&checker, id, &m), 0);
			CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_ID), id);
			answered++;
		}
	}
	drain(&nl);
	CHECK_EQ(nl_count(&checker), 1);
	CHECK_EQ(nl_command(&checker, WARREN_CMD_VM_RESUME, id), 0);
	test_note("%u messages, alive at %u looks", i, answered);
}
