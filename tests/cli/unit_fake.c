// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel would answer, message by message. */
#include "unit_fake.h"

#include <errno.h>
#include <netlink/genl/genl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

#define FAMILY 42
#define SECOND 1000000000ull

struct fake fake;

static const struct wr_guest vms[] = {
	/* Not in order: nothing says that a dump is. */
	{ .id = 2, .uid = 4000002, .state = WARREN_VM_PAUSED, .vendor = WARREN_VENDOR_VT_X,
	  .paging = WARREN_PAGING_SHADOW, .vcpus = 1, .memory = 3 * WR_GIB / 2,
	  .tables = 64 * WR_KIB, .age = 86400 * SECOND * 3 },
	{ .id = 1, .name = "web", .uuid = { 0x12, 0x34, 0x56, 0x78, 9, 10, 11, 12, 13, 14, 15, 0xff },
	  .pid = 101, .uid = 4000001, .state = WARREN_VM_RUNNING, .vcpus = 2,
	  .memory = 512 * WR_MIB, .tables = 1200 * WR_KIB, .age = 192 * SECOND,
	  .counters = { .exits = 1000, .guest_ns = 90 * SECOND, .faults = 300, .interrupts = 40,
			.nmis = 1, .halts = 20, .user_exits = 200, .emulated = 17,
			.tlb_flushes = 5,
			.reasons = { [WARREN_EXIT_IO] = 600, [WARREN_EXIT_HLT] = 20,
				     [WARREN_EXIT_FAULT] = 300, [WARREN_EXIT_OTHER] = 80 } } },
	{ .id = 3, .name = "db", .pid = 103, .uid = 4000003, .state = WARREN_VM_CRASHED, .vcpus = 1,
	  .memory = WR_GIB, .age = 3700 * SECOND },
	{ .id = 4, .name = "db", .pid = 104, .uid = 4000004, .state = 77, .vcpus = 1,
	  .memory = WR_GIB, .age = 7 * SECOND },
	{ .id = 5, .name = "new", .pid = 105, .uid = 4000004, .age = SECOND / 4 },
};

static const struct wr_guest_vcpu vcpus[] = {
	{ .vm = 1, .index = 1, .apic_id = 4, .tid = 1002, .state = WARREN_VCPU_HALTED, .cpu = 3,
	  .counters = { .exits = 100, .halts = 20, .reasons = { [WARREN_EXIT_HLT] = 20,
								 [WARREN_EXIT_OTHER] = 80 } } },
	{ .vm = 1, .index = 0, .tid = 1001, .state = WARREN_VCPU_RUNNING, .cpu = 0,
	  .counters = { .exits = 900, .guest_ns = 90 * SECOND, .faults = 300,
			.reasons = { [WARREN_EXIT_IO] = 600, [WARREN_EXIT_FAULT] = 300 } } },
	{ .vm = 2, .index = 0, .state = WARREN_VCPU_PAUSED, .cpu = -1 },
};

/* Counters that this program's header does not know are there, too. */
static void put_counters(struct nl_msg *message, int attribute, const struct wr_counters *counters)
{
	struct nlattr *nest = nla_nest_start(message, attribute), *reasons;
	const struct wr_counter_field *field;
	struct wr_counters copy = *counters;
	int i;

	for (field = wr_counter_fields; field->name; field++)
		nla_put_u64(message, field->attribute, *wr_counter(&copy, field));
	nla_put_u64(message, WARREN_A_COUNTER_MAX + 1, 99);
	reasons = nla_nest_start(message, WARREN_A_COUNTER_REASONS);
	for (i = 0; i < WARREN_EXIT_NR; i++)
		if (copy.reasons[i] && i != WARREN_EXIT_OTHER)
			nla_put_u64(message, 1 + i, copy.reasons[i]);
	/* Half of the others are of a kind that is newer than this program. */
	if (copy.reasons[WARREN_EXIT_OTHER]) {
		nla_put_u64(message, 1 + WARREN_EXIT_OTHER, copy.reasons[WARREN_EXIT_OTHER] / 2);
		nla_put_u64(message, 1 + WARREN_EXIT_NR + 3, copy.reasons[WARREN_EXIT_OTHER] / 2);
	}
	nla_nest_end(message, reasons);
	nla_nest_end(message, nest);
}

static struct nl_msg *message_new(uint8_t command)
{
	struct nl_msg *message = nlmsg_alloc();

	genlmsg_put(message, 0, 0, FAMILY, 0, NLM_F_MULTI, command, WARREN_GENL_VERSION);
	return message;
}

static int deliver(struct nl_msg *message, wr_netlink_handler handler, void *context)
{
	int error = handler(nlmsg_hdr(message), context);

	nlmsg_free(message);
	return error;
}

static struct wr_guest vm_now(const struct wr_guest *vm)
{
	struct wr_guest now = *vm;
	unsigned int looks = fake.looks;

	now.age += looks * SECOND;
	if (now.id != 1)
		return now;
	now.counters.exits += looks * 1250;
	now.counters.guest_ns += looks * SECOND * 3 / 2;
	now.counters.reasons[WARREN_EXIT_IO] += looks * 250;
	now.counters.reasons[WARREN_EXIT_HLT] += looks * 1000;
	if (fake.pid)
		now.pid = fake.pid;
	if (fake.changes && looks)
		now.uuid[0]++;
	return now;
}

static int send_vm(const struct wr_guest *vm, wr_netlink_handler handler, void *context)
{
	struct nl_msg *message = message_new(WARREN_CMD_VM_GET);
	struct wr_guest now = vm_now(vm);

	nla_put_u32(message, WARREN_A_VM_ID, now.id);
	if (now.name[0])
		nla_put_string(message, WARREN_A_VM_NAME, now.name);
	nla_put(message, WARREN_A_VM_UUID, sizeof(now.uuid), now.uuid);
	nla_put_u32(message, WARREN_A_VM_PID, now.pid);
	nla_put_u32(message, WARREN_A_VM_UID, now.uid);
	nla_put_u32(message, WARREN_A_VM_STATE, now.state);
	nla_put_u32(message, WARREN_A_VM_VENDOR, now.vendor);
	nla_put_u32(message, WARREN_A_VM_PAGING, now.paging);
	nla_put_u32(message, WARREN_A_VM_VCPUS, now.vcpus);
	nla_put_u64(message, WARREN_A_VM_MEMORY, now.memory);
	nla_put_u64(message, WARREN_A_VM_TABLES, now.tables);
	nla_put_u64(message, WARREN_A_VM_AGE, now.age);
	put_counters(message, WARREN_A_VM_COUNTERS, &now.counters);
	return deliver(message, handler, context);
}

static int send_vcpu(const struct wr_guest_vcpu *vcpu, wr_netlink_handler handler, void *context)
{
	struct nl_msg *message = message_new(WARREN_CMD_VCPU_GET);

	nla_put_u32(message, WARREN_A_VCPU_VM, vcpu->vm);
	nla_put_u32(message, WARREN_A_VCPU_INDEX, vcpu->index);
	nla_put_u32(message, WARREN_A_VCPU_APIC_ID, vcpu->apic_id);
	nla_put_u32(message, WARREN_A_VCPU_TID, vcpu->tid);
	nla_put_u32(message, WARREN_A_VCPU_STATE, vcpu->state);
	if (vcpu->cpu >= 0)
		nla_put_u32(message, WARREN_A_VCPU_CPU, (uint32_t)vcpu->cpu);
	put_counters(message, WARREN_A_VCPU_COUNTERS, &vcpu->counters);
	return deliver(message, handler, context);
}

static const struct wr_guest *find_vm(uint32_t id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vms); i++)
		if (vms[i].id == id)
			return &vms[i];
	return NULL;
}

static int dump_vms(wr_netlink_handler handler, void *context)
{
	int error = fake.dump;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vms) && !error; i++)
		error = send_vm(&vms[i], handler, context);
	fake.looks++;
	if (error || !fake.disturbed)
		return error;
	fake.disturbed--;
	return -EAGAIN;
}

static int get_vm(uint32_t id, wr_netlink_handler handler, void *context)
{
	const struct wr_guest *vm = find_vm(id);
	int error = vm && !(fake.gone && fake.looks) ? send_vm(vm, handler, context) : -ENOENT;

	fake.looks++;
	return error;
}

static int get_named(const char *name, wr_netlink_handler handler, void *context)
{
	const struct wr_guest *found = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vms); i++) {
		if (strcmp(vms[i].name, name))
			continue;
		if (found)
			return -ENOTUNIQ;
		found = &vms[i];
	}
	return get_vm(found ? found->id : 0, handler, context);
}

static int dump_vcpus(uint32_t vm, wr_netlink_handler handler, void *context)
{
	int error = find_vm(vm) ? 0 : -ENOENT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vcpus) && !error; i++)
		if (vcpus[i].vm == vm)
			error = send_vcpu(&vcpus[i], handler, context);
	return error;
}

static int act(uint8_t command, struct nlattr **at)
{
	uint32_t id = at[WARREN_A_VM_ID] ? nla_get_u32(at[WARREN_A_VM_ID]) : 0;

	if (fake.request)
		return fake.request;
	if (command == WARREN_CMD_LISTEN)
		return 0;
	if (!find_vm(id))
		return -ENOENT;
	if (command == WARREN_CMD_VM_PAUSE)
		fake.paused = id;
	else if (command == WARREN_CMD_VM_RESUME)
		fake.resumed = id;
	else if (command == WARREN_CMD_VM_SET && at[WARREN_A_VM_NAME])
		nla_strlcpy(fake.name, at[WARREN_A_VM_NAME], sizeof(fake.name));
	else
		return -EOPNOTSUPP;
	return 0;
}

static int fake_request(struct wr_netlink *link, struct nl_msg *message,
			wr_netlink_handler handler, void *context)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct nlattr *at[WARREN_A_VM_MAX + 1];
	uint8_t command = genlmsg_hdr(header)->cmd;
	bool dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;

	if (header->nlmsg_type != FAMILY ||
	    genlmsg_hdr(header)->version != WARREN_GENL_VERSION)
		return -EOPNOTSUPP;
	genlmsg_parse(header, 0, at, WARREN_A_VM_MAX, NULL);
	if (command == WARREN_CMD_VM_GET)
		return dump ? dump_vms(handler, context) :
			at[WARREN_A_VM_NAME] ?
			get_named(nla_get_string(at[WARREN_A_VM_NAME]), handler, context) :
			get_vm(nla_get_u32(at[WARREN_A_VM_ID]), handler, context);
	if (command == WARREN_CMD_VCPU_GET && dump)
		return dump_vcpus(nla_get_u32(at[WARREN_A_VCPU_VM]), handler, context);
	if (fake.words)
		snprintf(link->extack, sizeof(link->extack), "%s", fake.words);
	return act(command, at);
}

static int send_event(uint32_t what, uint32_t vm, const char *name, wr_netlink_handler handler,
		      void *context)
{
	struct nl_msg *message = message_new(WARREN_CMD_EVENT);

	nla_put_u32(message, WARREN_A_EVENT_WHAT, what);
	nla_put_u64(message, WARREN_A_EVENT_TIME, 1700000000123456789ull + what * SECOND);
	nla_put_u32(message, WARREN_A_EVENT_VM, vm);
	if (name)
		nla_put_string(message, WARREN_A_EVENT_NAME, name);
	nla_put_u32(message, WARREN_A_EVENT_PID, 100 + vm);
	if (what == WARREN_EVENT_VCPU_CREATED || what == WARREN_EVENT_CRASHED)
		nla_put_u32(message, WARREN_A_EVENT_VCPU, 1);
	if (what == WARREN_EVENT_CRASHED)
		nla_put_u32(message, WARREN_A_EVENT_REASON, WARREN_CRASH_TRIPLE_FAULT);
	return deliver(message, handler, context);
}

static int send_lost(wr_netlink_handler handler, void *context)
{
	struct nl_msg *message = message_new(WARREN_CMD_LOST);

	nla_put_u64(message, WARREN_A_EVENT_LOST, 17);
	return deliver(message, handler, context);
}

/* All at once, and after that nothing: who waits for ever for it would hang the tests. */
static int fake_receive(struct wr_netlink *link, int timeout, wr_netlink_handler handler,
			void *context)
{
	uint32_t what;
	int error = 0;

	(void)link;
	if (fake.looks++ >= 100 || fake.gone) {
		if (timeout < 0)
			return -ENODEV;
		usleep((useconds_t)timeout * 1000);
		return 0;
	}
	fake.looks = 100;
	for (what = WARREN_EVENT_CREATED; what <= WARREN_EVENT_DESTROYED && !error; what++) {
		if (what == WARREN_EVENT_PAUSED)
			error = send_lost(handler, context);
		if (!error)
			error = send_event(what, what % 2 ? 1 : 2, what % 2 ? "web" : NULL,
					   handler, context);
	}
	return error ? error : send_event(WARREN_EVENT_DESTROYED, 1, "web", handler, context);
}

/* A ring of 64 entries; vCPU 1's runs over while it is being read. */
#define RING_ENTRIES 64

struct ring {
	struct warren_trace_ring head;
	struct warren_trace_entry entries[RING_ENTRIES];
};

static void write_entry(struct ring *ring, uint64_t seq)
{
	static const uint32_t reasons[] = { WARREN_EXIT_IO, WARREN_EXIT_FAULT, WARREN_EXIT_IO,
					    WARREN_EXIT_OTHER };
	uint32_t reason = reasons[seq % ARRAY_SIZE(reasons)];

	ring->entries[seq % RING_ENTRIES] = (struct warren_trace_entry) {
		.seq = seq,
		.entry_tsc = 5000000 + seq * 10000 + ring->head.vcpu * 2500,
		.exit_tsc = 5000000 + seq * 10000 + ring->head.vcpu * 2500 + 3000 + seq * 10,
		.rip = 0xffffffff81000000 + seq,
		.qualification = reason == WARREN_EXIT_IO ? 0x3f80008 : 0,
		.reason = reason,
		.code = 0x7b,
		.gpa = reason == WARREN_EXIT_FAULT ? 0xfee00000 : 0,
		.instructions = seq == 2 ? 12 : 0,
	};
}

static void publish(struct ring *ring, uint64_t head)
{
	__atomic_store_n(&ring->head.head, head, __ATOMIC_RELEASE);
}

/* At once, so that it is always the same ones that are lost. */
static void *run_over(void *context)
{
	struct ring *ring = context;
	uint64_t seq;

	usleep(300000);
	for (seq = 6; seq < 70; seq++)
		write_entry(ring, seq);
	publish(ring, seq);
	__atomic_store_n(&ring->head.ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int fake_trace(const char *device, struct warren_trace_open *request)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);
	pthread_t thread;
	struct ring *ring;
	uint64_t seq;

	if (strcmp(device, "/dev/warren") || request->vm != 1)
		return -ENOENT;
	if (fake.request)
		return fake.request;
	if (ftruncate(fd, 8192))
		return -errno;
	ring = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ring->head = (struct warren_trace_ring) {
		.nr_entries = RING_ENTRIES, .entry_size = sizeof(struct warren_trace_entry),
		.entries_offset = offsetof(struct ring, entries), .tsc_khz = 2000000,
		.vm = 1, .vcpu = request->vcpu, .ended = !request->vcpu,
	};
	for (seq = 0; seq < (request->vcpu ? 3 : 5); seq++)
		write_entry(ring, seq);
	publish(ring, seq);
	if (request->vcpu && !pthread_create(&thread, NULL, run_over, ring))
		pthread_detach(thread);
	return fd;
}

static int fake_open(struct wr_netlink *link)
{
	link->family = FAMILY;
	return fake.open;
}

static void fake_close(struct wr_netlink *link)
{
	(void)link;
}

const struct wr_transport fake_transport = {
	.open = fake_open,
	.close = fake_close,
	.request = fake_request,
	.receive = fake_receive,
	.trace = fake_trace,
};
