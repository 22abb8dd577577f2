// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_STATS_FD: the file, what it describes, and that the counters count. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "orders.h"

struct stats {
	int fd;
	struct kvm_stats_header header;
	size_t desc_size;
	u8 *desc;
	char id[64];
};

static struct kvm_stats_desc *desc_at(struct stats *s, u32 i)
{
	return (void *)(s->desc + i * s->desc_size);
}

static void stats_open(struct stats *s, int of)
{
	s->fd = CHECK_OK(ioctl(of, KVM_GET_STATS_FD, 0ul));
	CHECK_EQ(pread(s->fd, &s->header, sizeof(s->header), 0), sizeof(s->header));
	CHECK_EQ(s->header.flags, 0);
	CHECK(s->header.num_desc && s->header.name_size <= sizeof(s->id));
	CHECK_EQ(pread(s->fd, s->id, s->header.name_size, s->header.id_offset), s->header.name_size);
	CHECK(strnlen(s->id, s->header.name_size) < s->header.name_size);
	s->desc_size = sizeof(struct kvm_stats_desc) + s->header.name_size;
	s->desc = malloc(s->desc_size * s->header.num_desc);
	CHECK_EQ(pread(s->fd, s->desc, s->desc_size * s->header.num_desc, s->header.desc_offset),
		 s->desc_size * s->header.num_desc);
}

/* ~0 when there is no such counter. */
static u64 stat_value(struct stats *s, const char *name)
{
	u64 value;
	u32 i;

	for (i = 0; i < s->header.num_desc; i++) {
		if (strcmp(desc_at(s, i)->name, name))
			continue;
		CHECK_EQ(pread(s->fd, &value, 8, s->header.data_offset + desc_at(s, i)->offset), 8);
		return value;
	}
	return ~0ull;
}

static void check_descriptors(struct stats *s)
{
	size_t size = 0;
	u32 i, j;

	for (i = 0; i < s->header.num_desc; i++)
		size += 8ul * desc_at(s, i)->size;
	for (i = 0; i < s->header.num_desc; i++) {
		struct kvm_stats_desc *d = desc_at(s, i);
		u32 unit = d->flags & KVM_STATS_UNIT_MASK;

		CHECK(d->name[0] && strnlen(d->name, s->header.name_size) < s->header.name_size);
		CHECK(d->size && d->offset + 8ul * d->size <= size);
		CHECK((d->flags & KVM_STATS_TYPE_MASK) <= KVM_STATS_TYPE_MAX);
		CHECK(unit <= 4 << KVM_STATS_UNIT_SHIFT);
		CHECK(unit == KVM_STATS_UNIT_SECONDS ? d->exponent <= 0 : d->exponent >= 0);
		for (j = 0; j < i; j++)
			CHECK(strcmp(d->name, desc_at(s, j)->name) && d->offset != desc_at(s, j)->offset);
	}
}

TEST(stats_described)
{
	struct stats of_vm, of_vcpu;
	struct vcpu v;
	struct vm vm;

	need_ext(KVM_CAP_BINARY_STATS_FD);
	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	stats_open(&of_vm, vm.fd);
	stats_open(&of_vcpu, v.fd);
	check_descriptors(&of_vm);
	check_descriptors(&of_vcpu);
	CHECK(!strncmp(of_vm.id, "kvm-", 4) && !strchr(of_vm.id, '/'));
	CHECK(!strncmp(of_vcpu.id, "kvm-", 4) && strstr(of_vcpu.id, "/vcpu-0"));
	CHECK(stat_value(&of_vm, "remote_tlb_flush") != ~0ull);
}

/* In any pieces, at any place, and nothing behind the end. */
TEST(stats_read_anywhere)
{
	u8 whole[32768], piece[32768];
	struct stats s;
	ssize_t size, at, got;
	struct vcpu v;
	struct vm vm;

	need_ext(KVM_CAP_BINARY_STATS_FD);
	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	stats_open(&s, v.fd);
	size = pread(s.fd, whole, sizeof(whole), 0);
	CHECK(size > (ssize_t)s.header.data_offset && size < (ssize_t)sizeof(whole));
	for (at = 0; at < size; at += got) {
		got = pread(s.fd, piece, 37, at);
		CHECK_EQ(got, size - at < 37 ? size - at : 37);
		CHECK(!memcmp(piece, whole + at, got));
	}
	for (at = 0; (got = read(s.fd, piece + at, 4099)) > 0; at += got)
		;
	CHECK_EQ(got, 0);
	CHECK_EQ(at, size);
	CHECK(!memcmp(piece, whole, size));
	CHECK_EQ(pread(s.fd, piece, 8, size), 0);
	CHECK_EQ(pread(s.fd, piece, 8, 1ull << 40), 0);
	CHECK_ERR(pread(s.fd, piece, 8, -1), EINVAL);
	CHECK_ERR(pread(s.fd, (void *)1, 8, 0), EFAULT);
	CHECK_ERR(pread(s.fd, (void *)1, 8, s.header.data_offset), EFAULT);
	CHECK_ERR(write(s.fd, piece, 8), EBADF);
}

static void guest_exits(u64 n)
{
	guest_sync(1);
	while (n--)
		cpuid(0, 0);
	outl(TEST_PORT, 0);
	guest_done();
}

TEST(stats_count)
{
	u64 n = test_scale(100), exits, io;
	struct stats s;
	struct vcpu v;
	struct vm vm;

	need_ext(KVM_CAP_BINARY_STATS_FD);
	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	vcpu_cpuid(&v);
	vcpu_long(&v, guest_exits, n);
	stats_open(&s, v.fd);
	CHECK_EQ(stat_value(&s, "exits"), 0);
	EXPECT_SYNC(&v, 1);
	exits = stat_value(&s, "exits");
	io = stat_value(&s, "io_exits");
	EXPECT_IO(&v, KVM_EXIT_IO_OUT, TEST_PORT, 4);
	CHECK(stat_value(&s, "exits") >= exits + n + 1);
	CHECK_EQ(stat_value(&s, "io_exits"), io + 1);
	if (!is_kvm()) {
		CHECK_EQ(stat_value(&s, "cpuid_exits"), n);
		CHECK(stat_value(&s, "guest_ns") > 0);
	}
	CHECK_EQ(stat_value(&s, "irq_injections"), 0);
	CHECK_EQ(stat_value(&s, "blocking"), 0);
}

/* The vCPU's file, then the VM's, are closed: the counters are there as long as theirs is open. */
TEST(stats_outlive_files)
{
	struct stats s;
	struct vcpu v;
	struct vm vm;
	u64 exits;

	need_ext(KVM_CAP_BINARY_STATS_FD);
	/* Before 6.5 KVM's file did not keep the VM. */
	if (is_kvm())
		SKIP("Warren's promise");
	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	vcpu_cpuid(&v);
	vcpu_long(&v, guest_exits, 1);
	EXPECT_SYNC(&v, 1);
	stats_open(&s, v.fd);
	exits = stat_value(&s, "exits");
	CHECK(exits);
	vcpu_free(&v);
	vm_free(&vm);
	CHECK_EQ(stat_value(&s, "exits"), exits);
	close(s.fd);
}

static u64 faults_of_scan(struct machine *m, struct stats *s, u64 pages)
{
	u64 before = stat_value(s, "pf_fixed");

	guest_pages(m, OP_SCAN, GPA_T, pages);
	return stat_value(s, "pf_fixed") - before;
}

/* A host that is short of memory gets the pages of shadow paging back; the guest only notices that it takes longer. */
TEST(shadow_shrinks)
{
	const u64 pages = 4096;
	struct machine m;
	struct stats s;
	int fd;

	if (!host_has_shadow())
		SKIP("with nested paging there is nothing to give back");
	start_c(&m, guest_obeys, 0);
	vm_add_mem(&m.vm, SLOT_TEST, 0, GPA_T, pages * PAGE);
	stats_open(&s, m.v.fd);
	guest_pages(&m, OP_FILL, GPA_T, pages);
	CHECK(faults_of_scan(&m, &s, pages) < 64);
	fd = CHECK_OK(open("/proc/sys/vm/drop_caches", O_WRONLY));
	CHECK_EQ(write(fd, "2", 1), 1);
	CHECK(faults_of_scan(&m, &s, pages) >= pages / 64);
	CHECK_EQ(guest_read(&m, GPA_T + 77 * PAGE), 78);
	CHECK(faults_of_scan(&m, &s, pages) < 64);
}
