// SPDX-License-Identifier: GPL-2.0-only
/* The netlink family: what is told of VMs and vCPUs; names; requests that are wrong; the ioctls of identity and report. */
#include <stdlib.h>
#include <unistd.h>

#include "guest.h"
#include "nl.h"
#include "vm.h"

/* --- what is told --- */

static u64 counter(const struct nl_msg *m, u16 nest, u16 type)
{
	size_t size, len;
	const void *p = msg_attr(m, nest, &size), *a;
	u64 v;

	CHECK(p);
	a = in_attr(p, size, type, &len);
	CHECK(a && len == sizeof(v));
	memcpy(&v, a, sizeof(v));
	return v;
}

static u64 reason(const struct nl_msg *m, u16 nest, u32 exit)
{
	size_t size, len;
	const void *p = msg_attr(m, nest, &size), *a;
	u64 v;

	p = in_attr(p, size, WARREN_A_COUNTER_REASONS, &size);
	CHECK(p);
	a = in_attr(p, size, 1 + exit, &len);
	if (!a)
		return 0;
	CHECK_EQ(len, sizeof(v));
	memcpy(&v, a, sizeof(v));
	CHECK(v);
	return v;
}

static u64 all_reasons(const struct nl_msg *m, u16 nest)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < WARREN_EXIT_NR; i++)
		sum += reason(m, nest, i);
	return sum;
}

static void guest_works(u64 arg)
{
	u64 i;

	for (i = 0; i < arg; i++)
		cpuid(0, 0);
	guest_sync(1);
	guest_done();
}

TEST(vm_as_it_is)
{
	struct warren_vm_info info;
	struct nl_msg m;
	struct vcpu v[2];
	struct nl nl;
	struct vm vm;
	size_t len;

	nl_open(&nl);
	vm_init(&vm);
	CHECK_OK(ioctl(vm.fd, WARREN_GET_VM_INFO, &info));
	vcpu_init(&v[0], &vm, 0);
	vcpu_init(&v[1], &vm, 7);
	CHECK_EQ(nl_vm_get(&nl, info.id, &m), 0);
	CHECK_EQ(msg_cmd(&m), WARREN_CMD_VM_GET);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_ID), info.id);
	CHECK(!msg_has(&m, WARREN_A_VM_NAME));
	CHECK(!memcmp(msg_attr(&m, WARREN_A_VM_UUID, &len), info.uuid, sizeof(info.uuid)));
	CHECK_EQ(len, WARREN_UUID_SIZE);
	CHECK_EQ(info.uuid[6] >> 4, 4);		/* random */
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_PID), getpid());
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_UID), getuid());
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_STATE), WARREN_VM_CREATED);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_VENDOR),
		 strcmp(getenv("WARREN_VENDOR") ?: "svm", "vmx") ? WARREN_VENDOR_AMD_V : WARREN_VENDOR_VT_X);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_PAGING), host_has_shadow() ? WARREN_PAGING_SHADOW : WARREN_PAGING_NESTED);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_VCPUS), 2);
	CHECK_EQ(msg_get_u64(&m, WARREN_A_VM_MEMORY), VM_MEMORY);
	CHECK_EQ(counter(&m, WARREN_A_VM_COUNTERS, WARREN_A_COUNTER_EXITS), 0);
	vm_add_mem(&vm, SLOT_TEST, 0, 0x10000000, MiB);
	CHECK_EQ(nl_vm_get(&nl, info.id, &m), 0);
	CHECK_EQ(msg_get_u64(&m, WARREN_A_VM_MEMORY), VM_MEMORY + MiB);
}

TEST(counters)
{
	u64 n = test_scale(1000), tables, age, exits, ns;
	struct nl_msg vm_msg, m;
	struct vcpu v[2];
	struct nl nl;
	struct vm vm;
	u32 id;

	nl_open(&nl);
	vm_init(&vm);
	id = vm_id(&vm);
	vcpu_init(&v[0], &vm, 0);
	vcpu_init(&v[1], &vm, 1);
	CHECK_EQ(nl_vm_get(&nl, id, &vm_msg), 0);
	tables = msg_get_u64(&vm_msg, WARREN_A_VM_TABLES);
	age = msg_get_u64(&vm_msg, WARREN_A_VM_AGE);
	vcpu_long(&v[1], guest_works, n);
	EXPECT_SYNC(&v[1], 1);

	CHECK_EQ(nl_vcpu_get(&nl, id, 1, &m), 0);
	exits = counter(&m, WARREN_A_VCPU_COUNTERS, WARREN_A_COUNTER_EXITS);
	ns = counter(&m, WARREN_A_VCPU_COUNTERS, WARREN_A_COUNTER_GUEST_NS);
	CHECK(exits > n && ns);
	CHECK_EQ(all_reasons(&m, WARREN_A_VCPU_COUNTERS), exits);
	CHECK_EQ(reason(&m, WARREN_A_VCPU_COUNTERS, WARREN_EXIT_CPUID), n);
	CHECK_EQ(reason(&m, WARREN_A_VCPU_COUNTERS, WARREN_EXIT_IO), 1);
	CHECK(counter(&m, WARREN_A_VCPU_COUNTERS, WARREN_A_COUNTER_FAULTS));
	CHECK_EQ(counter(&m, WARREN_A_VCPU_COUNTERS, WARREN_A_COUNTER_USER_EXITS), 1);
	CHECK_EQ(counter(&m, WARREN_A_VCPU_COUNTERS, WARREN_A_COUNTER_HALTS), 0);

	CHECK_EQ(nl_vm_get(&nl, id, &vm_msg), 0);
	CHECK_EQ(counter(&vm_msg, WARREN_A_VM_COUNTERS, WARREN_A_COUNTER_EXITS), exits);
	CHECK_EQ(reason(&vm_msg, WARREN_A_VM_COUNTERS, WARREN_EXIT_CPUID), n);
	CHECK_EQ(msg_get_u32(&vm_msg, WARREN_A_VM_STATE), WARREN_VM_RUNNING);
	CHECK(msg_get_u64(&vm_msg, WARREN_A_VM_TABLES) > tables);
	CHECK(msg_get_u64(&vm_msg, WARREN_A_VM_AGE) > age);
}

TEST(vcpu_as_it_is)
{
	struct nl_msg m;
	struct vcpu v[2];
	struct nl nl;
	struct vm vm;
	u32 id;

	nl_open(&nl);
	vm_init(&vm);
	id = vm_id(&vm);
	vcpu_init(&v[0], &vm, 0);
	vcpu_init(&v[1], &vm, 7);
	CHECK_EQ(nl_vcpu_get(&nl, id, 1, &m), 0);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VCPU_VM), id);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VCPU_INDEX), 1);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VCPU_APIC_ID), 7);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VCPU_TID), 0);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VCPU_STATE), WARREN_VCPU_IDLE);
	CHECK(!msg_has(&m, WARREN_A_VCPU_CPU));
	vcpu_long(&v[1], guest_works, 1);
	EXPECT_SYNC(&v[1], 1);
	CHECK_EQ(nl_vcpu_get(&nl, id, 1, &m), 0);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VCPU_TID), gettid());
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VCPU_STATE), WARREN_VCPU_IDLE);
	CHECK(msg_get_u32(&m, WARREN_A_VCPU_CPU) < (u32)sysconf(_SC_NPROCESSORS_CONF));
}

TEST(nothing_there)
{
	static const u32 ids[] = { 0, 1u << 30, 0x7fffffff, 0x80000000, 0xffffffff };
	struct nl_msg m;
	struct nl nl;
	struct vm vm;
	u32 i, id;

	nl_open(&nl);
	id = new_vm(&vm);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		CHECK_EQ(nl_vm_get(&nl, ids[i], NULL), -ENOENT);
		CHECK(strstr(nl.error, "no such VM"));
		CHECK_EQ(nl_vcpu_get(&nl, ids[i], 0, NULL), -ENOENT);
		CHECK_EQ(nl_set_name(&nl, ids[i], "a"), -ENOENT);
		CHECK_EQ(nl_command(&nl, WARREN_CMD_VM_PAUSE, ids[i]), -ENOENT);
		CHECK_EQ(nl_command(&nl, WARREN_CMD_VM_RESUME, ids[i]), -ENOENT);
		CHECK_EQ(nl_vcpu_get(&nl, id, ids[i], NULL), -ENOENT);
		CHECK(strstr(nl.error, "no such vCPU"));
	}
	CHECK_EQ(nl_vm_get_name(&nl, "nobody", NULL), -ENOENT);
	CHECK(nl.error[0]);
	CHECK_EQ(nl_vm_get(&nl, id, &m), 0);
	close(vm.fd);
	CHECK_EQ(nl_vm_get(&nl, id, &m), -ENOENT);
	CHECK(new_vm(&vm) > id);
}

/* --- dumps --- */

struct seen {
	u32 ids[512], nr;
	int close_fd;		/* at the first message: this VM goes meanwhile */
};

static void note_vm(const struct nl_msg *m, void *arg)
{
	struct seen *s = arg;

	CHECK(m->head.nlmsg_flags & NLM_F_MULTI);
	CHECK(s->nr < ARRAY_SIZE(s->ids));
	s->ids[s->nr++] = msg_get_u32(m, WARREN_A_VM_ID);
	if (s->close_fd) {
		close(s->close_fd);
		s->close_fd = 0;
	}
}

static void note_vcpu(const struct nl_msg *m, void *arg)
{
	struct seen *s = arg;

	CHECK_EQ(msg_cmd(m), WARREN_CMD_VCPU_GET);
	CHECK(s->nr < ARRAY_SIZE(s->ids));
	s->ids[s->nr++] = msg_get_u32(m, WARREN_A_VCPU_VM) << 8 | msg_get_u32(m, WARREN_A_VCPU_INDEX);
}

TEST(dump_vms)
{
	struct seen s = {};
	struct nl_msg m;
	struct vm vm[64];
	u32 id[64], i;
	struct nl nl;

	nl_open(&nl);
	for (i = 0; i < 64; i++)
		id[i] = new_vm(&vm[i]);
	msg_init(&nl, &m, WARREN_CMD_VM_GET, 0);
	CHECK_EQ(nl_dump(&nl, &m, note_vm, &s), 0);
	CHECK_EQ(s.nr, 64);
	for (i = 0; i < 64; i++)
		CHECK_EQ(s.ids[i], id[i]);
	/* The last one goes, and 8 in the middle have gone, when the first has been read: no other is missed. */
	for (i = 20; i < 28; i++)
		close(vm[i].fd);
	s = (struct seen){ .close_fd = vm[63].fd };
	msg_init(&nl, &m, WARREN_CMD_VM_GET, 0);
	CHECK_EQ(nl_dump(&nl, &m, note_vm, &s), 0);
	CHECK_EQ(s.nr, 55);
	CHECK_EQ(s.ids[20], id[28]);
}

TEST(dump_vcpus)
{
	struct seen s = {};
	struct nl_msg m;
	struct vm vm[3];
	struct vcpu v;
	u32 id[3], i, n;
	struct nl nl;

	nl_open(&nl);
	for (n = 0; n < 3; n++) {
		id[n] = new_vm(&vm[n]);
		for (i = 0; n != 1 && i < 40; i++)
			vcpu_init(&v, &vm[n], 40 - i);
	}
	msg_init(&nl, &m, WARREN_CMD_VCPU_GET, 0);
	CHECK_EQ(nl_dump(&nl, &m, note_vcpu, &s), 0);
	CHECK_EQ(s.nr, 80);
	for (i = 0; i < 80; i++)
		CHECK_EQ(s.ids[i], id[i / 40 * 2] << 8 | i % 40);
	for (n = 0; n < 3; n++) {
		s.nr = 0;
		msg_init(&nl, &m, WARREN_CMD_VCPU_GET, 0);
		msg_u32(&m, WARREN_A_VCPU_VM, id[n]);
		CHECK_EQ(nl_dump(&nl, &m, note_vcpu, &s), 0);
		CHECK_EQ(s.nr, n == 1 ? 0 : 40);
		if (s.nr)
			CHECK_EQ(s.ids[39], id[n] << 8 | 39);
	}
}

TEST(dumps_refused)
{
	struct seen s = {};
	struct nl_msg m;
	struct nl nl;
	struct vm vm;
	u32 id;

	nl_open(&nl);
	id = new_vm(&vm);
	msg_init(&nl, &m, WARREN_CMD_VM_GET, 0);
	msg_u32(&m, WARREN_A_VM_ID, id);
	CHECK_EQ(nl_dump(&nl, &m, note_vm, &s), -EINVAL);
	msg_init(&nl, &m, WARREN_CMD_VCPU_GET, 0);
	msg_u32(&m, WARREN_A_VCPU_VM, id);
	msg_u32(&m, WARREN_A_VCPU_INDEX, 0);
	CHECK_EQ(nl_dump(&nl, &m, note_vm, &s), -EINVAL);
	msg_init(&nl, &m, WARREN_CMD_VCPU_GET, 0);
	msg_u32(&m, WARREN_A_VCPU_VM, id + 1);
	CHECK_EQ(nl_dump(&nl, &m, note_vm, &s), -ENOENT);
	msg_init(&nl, &m, WARREN_CMD_VM_PAUSE, 0);
	CHECK_EQ(nl_dump(&nl, &m, note_vm, &s), -EOPNOTSUPP);
	CHECK_EQ(s.nr, 0);
}

/* A dump that nobody reads to its end: the socket goes, and nothing stays behind. */
TEST(dump_left_alone)
{
	struct nl_msg m;
	struct vm vm[40];
	struct nl nl;
	u32 i;

	for (i = 0; i < 40; i++) {
		nl_open(&nl);
		new_vm(&vm[i]);
		msg_init(&nl, &m, WARREN_CMD_VM_GET, NLM_F_DUMP);
		nl_send(&nl, &m);
		nl_close(&nl);
	}
}

/* --- requests that are wrong --- */

static int ask_with(struct nl *nl, u8 cmd, u16 type, const void *data, size_t len, u16 type2, u32 value2)
{
	struct nl_msg m;

	msg_init(nl, &m, cmd, 0);
	if (type)
		msg_put(&m, type, data, len);
	if (type2)
		msg_u32(&m, type2, value2);
	return nl_ask(nl, &m, NULL);
}

TEST(malformed)
{
	static const u8 commands[] = {
		WARREN_CMD_VM_GET, WARREN_CMD_VCPU_GET, WARREN_CMD_VM_SET, WARREN_CMD_VM_PAUSE, WARREN_CMD_VM_RESUME,
	};
	u64 big = 1;
	struct nl nl;
	struct vm vm;
	u32 i, id;

	nl_open(&nl);
	id = new_vm(&vm);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		u16 a = commands[i] == WARREN_CMD_VCPU_GET ? WARREN_A_VCPU_VM : WARREN_A_VM_ID;

		/* Nothing, too short, too long, unknown, and attributes of answers. */
		CHECK_EQ(ask_with(&nl, commands[i], 0, NULL, 0, 0, 0), -EINVAL);
		CHECK(nl.error[0]);
		CHECK(ask_with(&nl, commands[i], a, &id, 3, 0, 0) < 0);
		CHECK(ask_with(&nl, commands[i], a, &big, 8, 0, 0) < 0);
		CHECK(ask_with(&nl, commands[i], a, &id, 0, 0, 0) < 0);
		CHECK_EQ(ask_with(&nl, commands[i], 200, &id, 4, a, id), -EINVAL);
		CHECK_EQ(ask_with(&nl, commands[i], 7, &id, 4, a, id), -EINVAL);
		CHECK_EQ(ask_with(&nl, commands[i], a | NLA_F_NESTED, &id, 4, 0, 0), -EINVAL);
	}
	CHECK_EQ(ask_with(&nl, WARREN_CMD_LISTEN, WARREN_A_VM_ID, &id, 4, 0, 0), -EINVAL);
	CHECK_EQ(ask_with(&nl, WARREN_CMD_EVENT, 0, NULL, 0, 0, 0), -EOPNOTSUPP);
	CHECK_EQ(ask_with(&nl, WARREN_CMD_LOST, 0, NULL, 0, 0, 0), -EOPNOTSUPP);
	CHECK_EQ(ask_with(&nl, WARREN_CMD_UNSPEC, 0, NULL, 0, 0, 0), -EOPNOTSUPP);
	CHECK_EQ(ask_with(&nl, 255, 0, NULL, 0, 0, 0), -EOPNOTSUPP);
	/* Id and name; no index; nothing to set; a UUID of another size. */
	CHECK_EQ(ask_with(&nl, WARREN_CMD_VM_GET, WARREN_A_VM_NAME, "a", 2, WARREN_A_VM_ID, id), -EINVAL);
	CHECK_EQ(ask_with(&nl, WARREN_CMD_VCPU_GET, 0, NULL, 0, WARREN_A_VCPU_VM, id), -EINVAL);
	CHECK_EQ(ask_with(&nl, WARREN_CMD_VM_SET, 0, NULL, 0, WARREN_A_VM_ID, id), -EINVAL);
	CHECK(strstr(nl.error, "nothing to set"));
	CHECK(ask_with(&nl, WARREN_CMD_VM_SET, WARREN_A_VM_UUID, "123456789012345", 15, WARREN_A_VM_ID, id) < 0);
	CHECK(ask_with(&nl, WARREN_CMD_VM_SET, WARREN_A_VM_UUID, "12345678901234567", 17, WARREN_A_VM_ID, id) < 0);
	/* A name without its zero. */
	CHECK(ask_with(&nl, WARREN_CMD_VM_SET, WARREN_A_VM_NAME, "abc", 3, WARREN_A_VM_ID, id) < 0);
	CHECK_EQ(nl_vm_get(&nl, id, NULL), 0);
}

/* Headers: sizes that do not fit, reserved bits, another version is fine. */
TEST(malformed_heads)
{
	struct genlmsghdr *genl;
	struct nl_msg m;
	struct nl nl;
	struct vm vm;
	u32 id;

	nl_open(&nl);
	id = new_vm(&vm);
	msg_init(&nl, &m, WARREN_CMD_VM_GET, 0);
	msg_u32(&m, WARREN_A_VM_ID, id);
	genl = (void *)(m.bytes + NLMSG_HDRLEN);
	genl->version = 77;
	CHECK_EQ(nl_ask(&nl, &m, NULL), 0);
	genl->reserved = 1;
	CHECK_EQ(nl_ask(&nl, &m, NULL), -EINVAL);
	/* An attribute longer than the message; a message that ends in its head. */
	msg_init(&nl, &m, WARREN_CMD_VM_GET, 0);
	msg_u32(&m, WARREN_A_VM_ID, id);
	*(u16 *)(m.bytes + NLMSG_HDRLEN + GENL_HDRLEN) = 9;
	CHECK_EQ(nl_ask(&nl, &m, NULL), -EINVAL);
	msg_init(&nl, &m, WARREN_CMD_VM_GET, 0);
	m.head.nlmsg_len = NLMSG_HDRLEN + 2;
	CHECK_EQ(nl_ask(&nl, &m, NULL), -EINVAL);
}

/* --- names --- */

TEST(names)
{
	static const char *const good[] = { "a", "Z9._-", "web.example-2_x" };
	static const char *const bad[] = {
		"", "1", "9a", ".", "..", "-a", "_a", "a b", "a/b", "a\n", "a\033[31m", "\303\244", "a\302\240", "a,b", "a:b", "a%s",
	};
	char longest[WARREN_NAME_SIZE + 1];
	struct vm one, other;
	struct nl_msg m;
	struct nl nl;
	u32 id, id2, i;

	nl_open(&nl);
	id = new_vm(&one);
	id2 = new_vm(&other);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		CHECK_EQ(nl_set_name(&nl, id, good[i]), 0);
		CHECK_EQ(nl_vm_get_name(&nl, good[i], &m), 0);
		CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_ID), id);
		CHECK(!strcmp(msg_get_str(&m, WARREN_A_VM_NAME), good[i]));
	}
	CHECK_EQ(nl_vm_get_name(&nl, good[0], &m), -ENOENT);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (nl_set_name(&nl, id, bad[i]) != -EINVAL)
			FAIL("the name '%s' was not refused", bad[i]);
		CHECK_EQ(nl_vm_get_name(&nl, bad[i], NULL), -EINVAL);
	}
	memset(longest, 'x', sizeof(longest));
	longest[WARREN_NAME_SIZE] = 0;
	CHECK(nl_set_name(&nl, id, longest) < 0);
	longest[WARREN_NAME_SIZE - 1] = 0;
	CHECK_EQ(nl_set_name(&nl, id, longest), 0);
	CHECK_EQ(nl_vm_get_name(&nl, longest, &m), 0);
	/* One VM of an owner has a name; it may be given the same again, and is free when the VM is gone. */
	CHECK_EQ(nl_set_name(&nl, id, "web"), 0);
	CHECK_EQ(nl_set_name(&nl, id2, "web"), -EEXIST);
	CHECK(nl.error[0]);
	CHECK_EQ(nl_set_name(&nl, id, "web"), 0);
	CHECK_EQ(nl_set_name(&nl, id2, "WEB"), 0);
	close(one.fd);
	CHECK_EQ(nl_set_name(&nl, id2, "web"), 0);
}

TEST(uuid)
{
	static const u8 uuid[WARREN_UUID_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct warren_vm_info info;
	struct vm one, other;
	struct nl_msg m;
	struct nl nl;
	u32 id, id2;

	nl_open(&nl);
	id = new_vm(&one);
	id2 = new_vm(&other);
	CHECK_EQ(ask_with(&nl, WARREN_CMD_VM_SET, WARREN_A_VM_UUID, uuid, sizeof(uuid), WARREN_A_VM_ID, id), 0);
	CHECK_OK(ioctl(one.fd, WARREN_GET_VM_INFO, &info));
	CHECK(!memcmp(info.uuid, uuid, sizeof(uuid)));
	/* Both or nothing. */
	CHECK_EQ(nl_set_name(&nl, id, "web"), 0);
	msg_init(&nl, &m, WARREN_CMD_VM_SET, 0);
	msg_u32(&m, WARREN_A_VM_ID, id2);
	msg_str(&m, WARREN_A_VM_NAME, "web");
	msg_put(&m, WARREN_A_VM_UUID, uuid, sizeof(uuid));
	CHECK_EQ(nl_ask(&nl, &m, NULL), -EEXIST);
	CHECK_OK(ioctl(other.fd, WARREN_GET_VM_INFO, &info));
	CHECK(memcmp(info.uuid, uuid, sizeof(uuid)));
}

/* --- ioctls --- */

static void elsewhere(void *arg)
{
	struct warren_report r = { .what = WARREN_REPORT_RESET };
	struct warren_vm_info info;
	struct vm *vm = arg;

	CHECK_ERR(ioctl(vm->fd, WARREN_GET_VM_INFO, &info), EIO);
	CHECK_ERR(ioctl(vm->fd, WARREN_REPORT, &r), EIO);
}

TEST(ioctls)
{
	struct warren_report r = { .what = WARREN_REPORT_RESET };
	struct vcpu v;
	struct vm vm;

	if (is_kvm())
		SKIP("KVM has no such calls");
	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_ERR(ioctl(vm.fd, WARREN_GET_VM_INFO, NULL), EFAULT);
	CHECK_ERR(ioctl(vm.fd, WARREN_REPORT, NULL), EFAULT);
	CHECK_OK(ioctl(vm.fd, WARREN_REPORT, &r));
	r.flags = 1;
	CHECK_ERR(ioctl(vm.fd, WARREN_REPORT, &r), EINVAL);
	r.flags = 0;
	r.reserved[0] = 1;
	CHECK_ERR(ioctl(vm.fd, WARREN_REPORT, &r), EINVAL);
	r.reserved[0] = 0;
	r.reserved[1] = 1ull << 63;
	CHECK_ERR(ioctl(vm.fd, WARREN_REPORT, &r), EINVAL);
	r.reserved[1] = 0;
	r.what = 0;
	CHECK_ERR(ioctl(vm.fd, WARREN_REPORT, &r), EINVAL);
	r.what = WARREN_REPORT_PANIC + 1;
	CHECK_ERR(ioctl(vm.fd, WARREN_REPORT, &r), EINVAL);
	r.what = 0xffffffff;
	CHECK_ERR(ioctl(vm.fd, WARREN_REPORT, &r), EINVAL);
	CHECK_ERR(ioctl(v.fd, WARREN_REPORT, &r), ENOTTY);
	CHECK_ERR(ioctl(vm.dev, WARREN_GET_VM_INFO, &r), ENOTTY);
	CHECK(in_child(elsewhere, &vm));
}

/* --- races --- */

static volatile bool over;
static volatile u32 newest;

static void *asks(void *arg)
{
	static const u8 commands[] = { WARREN_CMD_VM_PAUSE, WARREN_CMD_VM_RESUME };
	u64 n = 0, found = 0;
	struct nl nl;

	(void)arg;
	nl_open(&nl);
	while (!over) {
		u32 id = newest + n % 2;	/* what is there, and what may be in a moment */
		int r;

		switch (n++ % 5) {
		case 0:
			r = nl_vm_get(&nl, id, NULL);
			break;
		case 1:
			r = nl_vcpu_get(&nl, id, 0, NULL);
			break;
		case 2:
			r = nl_count(&nl) < 0;
			break;
		case 3:
			r = nl_set_name(&nl, id, n % 2 ? "a" : "b");
			break;
		default:
			r = nl_command(&nl, commands[n / 5 % 2], id);
		}
		CHECK(!r || r == -ENOENT || r == -EEXIST);
		found += !r;
	}
	return (void *)found;
}

TEST(get_against_destroy)
{
	u64 n = test_scale(600);
	struct nl nl;
	struct vm vm;
	pthread_t t;
	struct vcpu v;
	void *found;

	nl_open(&nl);
	CHECK_EQ(pthread_create(&t, NULL, asks, NULL), 0);
	while (n--) {
		newest = new_vm(&vm);
		vcpu_init(&v, &vm, 0);
		vcpu_free(&v);
		close(vm.fd);
		close(vm.dev);
	}
	over = true;
	pthread_join(t, &found);
	test_note("%lu requests met a VM", (unsigned long)found);
}
