// SPDX-License-Identifier: GPL-2.0-only
/* KVM_RUN: exits by port, memory, HLT, shutdown and error; what interrupts it; its modes. */
#include <cpuid.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

struct machine {
	struct vm vm;
	struct vcpu v;
};

#define START(m, blob, mode)						\
	do {								\
		vm_init(&(m)->vm);					\
		vcpu_init(&(m)->v, &(m)->vm, 0);			\
		LOAD(&(m)->vm, blob);					\
		vcpu_##mode(&(m)->v, GPA_CODE);				\
	} while (0)

static void start_c(struct machine *m, void (*fn)(u64), u64 arg)
{
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
}

static u64 rax(struct vcpu *v)
{
	struct kvm_regs r;

	get_regs(v, &r);
	return r.rax;
}

BLOB16(hlt16, "hlt\n hlt\n");

TEST(hlt)
{
	struct kvm_regs r;
	struct machine m;

	START(&m, hlt16, real);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rip, GPA_CODE + 1);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rip, GPA_CODE + 2);
}

BLOB32(hlt32, "movl $0x12345678, %eax\n pushl %eax\n popl %ebx\n hlt\n");

TEST(protected_mode)
{
	struct kvm_regs r;
	struct machine m;

	START(&m, hlt32, prot);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rbx, 0x12345678);
}

static void guest_returns(u64 arg)
{
	GUEST_EQ(arg, 77);
	guest_sync(1);
	guest_done();
}

TEST(long_mode)
{
	struct machine m;

	start_c(&m, guest_returns, 77);
	EXPECT_SYNC(&m.v, 1);
	EXPECT_DONE(&m.v);
}

BLOB16(out16, "movl $0x11223344, %eax\n movw $0x5000, %dx\n outb %al, %dx\n outw %ax, %dx\n"
	      "outl %eax, %dx\n outb %al, $0xe4\n outw %ax, $0xe4\n outl %eax, $0xe4\n hlt\n");

TEST(out)
{
	struct machine m;
	u32 i;

	START(&m, out16, real);
	for (i = 0; i < 2; i++) {
		u16 port = i ? 0xe4 : 0x5000;

		CHECK_EQ(*(u8 *)EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, port, 1), 0x44);
		CHECK_EQ(m.v.run->io.count, 1);
		CHECK_EQ(*(u16 *)EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, port, 2), 0x3344);
		CHECK_EQ(*(u32 *)EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, port, 4), 0x11223344);
	}
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
}

BLOB64(in64, "movq $-1, %rax\n movw $0x5000, %dx\n inb %dx, %al\n movq %rax, %rbx\n"
	     "movq $-1, %rax\n inw %dx, %ax\n movq %rax, %rcx\n"
	     "movq $-1, %rax\n inl %dx, %eax\n movq %rax, %rsi\n inb $0xe4, %al\n hlt\n");

TEST(in)
{
	struct kvm_regs r;
	struct machine m;

	START(&m, in64, long_at);
	*(u8 *)EXPECT_IO(&m.v, KVM_EXIT_IO_IN, 0x5000, 1) = 0x12;
	*(u16 *)EXPECT_IO(&m.v, KVM_EXIT_IO_IN, 0x5000, 2) = 0x3456;
	*(u32 *)EXPECT_IO(&m.v, KVM_EXIT_IO_IN, 0x5000, 4) = 0x89abcdef;
	*(u8 *)EXPECT_IO(&m.v, KVM_EXIT_IO_IN, 0xe4, 1) = 0x77;
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rbx, 0xffffffffffffff12);
	CHECK_EQ(r.rcx, 0xffffffffffff3456);
	CHECK_EQ(r.rsi, 0x89abcdef);
	CHECK_EQ(r.rax, 0x89abcd77);
}

/* Collects what a string output writes, however the exits cut it. */
static size_t collect_out(struct vcpu *v, u8 *buf, size_t size, u8 unit)
{
	struct kvm_run *run = v->run;
	size_t n = 0, len;

	while (vcpu_run(v) == KVM_EXIT_IO) {
		len = (size_t)run->io.size * run->io.count;
		if (run->io.direction != KVM_EXIT_IO_OUT || run->io.size != unit ||
		    n + len > size || run->io.data_offset + len > v->run_size)
			FAIL("expected a string output, got %s", vcpu_describe(v));
		memcpy(buf + n, (u8 *)run + run->io.data_offset, len);
		n += len;
	}
	if (run->exit_reason != KVM_EXIT_HLT)
		FAIL("expected a HLT exit, got %s", vcpu_describe(v));
	return n;
}

static size_t feed_in(struct vcpu *v, const u8 *buf, size_t size, u8 unit)
{
	struct kvm_run *run = v->run;
	size_t n = 0, len;

	while (vcpu_run(v) == KVM_EXIT_IO) {
		len = (size_t)run->io.size * run->io.count;
		if (run->io.direction != KVM_EXIT_IO_IN || run->io.size != unit ||
		    n + len > size || run->io.data_offset + len > v->run_size)
			FAIL("expected a string input, got %s", vcpu_describe(v));
		memcpy((u8 *)run + run->io.data_offset, buf + n, len);
		n += len;
	}
	if (run->exit_reason != KVM_EXIT_HLT)
		FAIL("expected a HLT exit, got %s", vcpu_describe(v));
	return n;
}

static void fill(u8 *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (u8)(i * 7 + (i >> 8) + 1);
}

BLOB64(repout8, "cld\n rep outsb\n hlt\n");
BLOB64(repout16, "cld\n rep outsw\n hlt\n");
BLOB64(repout32, "cld\n rep outsl\n hlt\n");
BLOB64(repin8, "cld\n rep insb\n hlt\n");
BLOB64(repin16, "cld\n rep insw\n hlt\n");
BLOB64(repin32, "cld\n rep insl\n hlt\n");
BLOB64(repout8_down, "std\n rep outsb\n hlt\n");
BLOB64(outs_once, "cld\n outsb\n outsl\n insw\n hlt\n");

#define STRING_GPA 0x300f00	/* crosses a page */
#define STRING_LEN 1200

static void start_string(struct machine *m, const u8 *code, size_t n, u64 addr, u64 count)
{
	struct kvm_regs r;

	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vm_write(&m->vm, GPA_CODE, code, n);
	vcpu_long_at(&m->v, GPA_CODE);
	get_regs(&m->v, &r);
	r.rdx = TEST_PORT;
	r.rcx = count;
	r.rsi = addr;
	r.rdi = addr;
	set_regs(&m->v, &r);
}

static void string_out(const u8 *code, size_t n, u8 unit)
{
	u8 want[STRING_LEN], got[STRING_LEN];
	struct kvm_regs r;
	struct machine m;

	start_string(&m, code, n, STRING_GPA, STRING_LEN / unit);
	fill(want, STRING_LEN);
	vm_write(&m.vm, STRING_GPA, want, STRING_LEN);
	CHECK_EQ(collect_out(&m.v, got, STRING_LEN, unit), STRING_LEN);
	CHECK(!memcmp(got, want, STRING_LEN));
	get_regs(&m.v, &r);
	CHECK_EQ(r.rcx, 0);
	CHECK_EQ(r.rsi, STRING_GPA + STRING_LEN);
	CHECK_EQ(r.rdi, STRING_GPA);
}

static void string_in(const u8 *code, size_t n, u8 unit)
{
	u8 want[STRING_LEN];
	struct kvm_regs r;
	struct machine m;

	start_string(&m, code, n, STRING_GPA, STRING_LEN / unit);
	fill(want, STRING_LEN);
	CHECK_EQ(feed_in(&m.v, want, STRING_LEN, unit), STRING_LEN);
	CHECK(!memcmp(m.vm.mem + STRING_GPA, want, STRING_LEN));
	get_regs(&m.v, &r);
	CHECK_EQ(r.rcx, 0);
	CHECK_EQ(r.rdi, STRING_GPA + STRING_LEN);
	CHECK_EQ(r.rsi, STRING_GPA);
}

#define CODE(blob) blob, (size_t)(blob##_end - blob)

TEST(rep_outsb) { string_out(CODE(repout8), 1); }
TEST(rep_outsw) { string_out(CODE(repout16), 2); }
TEST(rep_outsl) { string_out(CODE(repout32), 4); }
TEST(rep_insb) { string_in(CODE(repin8), 1); }
TEST(rep_insw) { string_in(CODE(repin16), 2); }
TEST(rep_insl) { string_in(CODE(repin32), 4); }

/* What goes to one page is read at once; when userspace has fewer in mind by then, the rest is not used. */
TEST(rep_ins_at_once)
{
	struct kvm_regs r;
	struct machine m;

	start_string(&m, CODE(repin8), 0x300000, 512);
	EXPECT_IO(&m.v, KVM_EXIT_IO_IN, TEST_PORT, 1);
	CHECK_EQ(m.v.run->io.count, 512);
	fill((u8 *)m.v.run + m.v.run->io.data_offset, 512);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rcx, 512);
	r.rcx = 3;
	set_regs(&m.v, &r);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rcx, 0);
	CHECK_EQ(r.rdi, 0x300003);
	CHECK_EQ(m.vm.mem[0x300002], 15);
	CHECK_EQ(m.vm.mem[0x300003], 0);
}

BLOB64(ins_mended, "addq $8, %rsp\n movl $0x300000, %edi\n iretq\n");	/* after #GP */
/* A port gives what it has once: it is not lost when it finds no place at first. */
TEST(rep_ins_that_faults_late)
{
	u64 handler = GPA_CODE + 0x100, gate = handler | 0x08ull << 16 | 0x8e00ull << 32;
	struct kvm_regs r;
	struct machine m;

	if (is_kvm())
		SKIP("KVM asks the port again");
	start_string(&m, CODE(repin8), 0x300000, 8);
	vm_write(&m.vm, handler, CODE(ins_mended));
	vm_write(&m.vm, GPA_IDT + 13 * 16, &gate, sizeof(gate));
	EXPECT_IO(&m.v, KVM_EXIT_IO_IN, TEST_PORT, 1);
	fill((u8 *)m.v.run + m.v.run->io.data_offset, 8);
	get_regs(&m.v, &r);
	r.rdi = 1ull << 63;
	set_regs(&m.v, &r);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	CHECK_EQ(m.vm.mem[0x300007], 50);
}

TEST(rep_outs_of_nothing)
{
	struct machine m;

	start_string(&m, CODE(repout8), STRING_GPA, 0);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
}

TEST(rep_outsb_downwards)
{
	u8 want[64], got[64];
	struct kvm_regs r;
	struct machine m;
	u32 i;

	start_string(&m, CODE(repout8_down), STRING_GPA + 63, 64);
	fill(want, 64);
	vm_write(&m.vm, STRING_GPA, want, 64);
	CHECK_EQ(collect_out(&m.v, got, 64, 1), 64);
	for (i = 0; i < 64; i++)
		CHECK_EQ(got[i], want[63 - i]);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rsi, STRING_GPA - 1);
}

TEST(string_io_without_rep)
{
	struct kvm_regs r;
	struct machine m;

	start_string(&m, CODE(outs_once), STRING_GPA, 9);
	memcpy(m.vm.mem + STRING_GPA, "\x01\x02\x03\x04\x05", 5);
	CHECK_EQ(*(u8 *)EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1), 1);
	CHECK_EQ(*(u32 *)EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 4), 0x05040302);
	*(u16 *)EXPECT_IO(&m.v, KVM_EXIT_IO_IN, TEST_PORT, 2) = 0xbeef;
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	CHECK_EQ(*(u16 *)(m.vm.mem + STRING_GPA), 0xbeef);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rcx, 9);
	CHECK_EQ(r.rsi, STRING_GPA + 5);
	CHECK_EQ(r.rdi, STRING_GPA + 2);
}

/* String I/O from memory that is not there: the device's data pass through MMIO exits. */
TEST(outs_from_mmio)
{
	struct machine m;

	start_string(&m, CODE(outs_once), TEST_MMIO, 0);
	EXPECT_MMIO(&m.v, TEST_MMIO, 1, false);
	m.v.run->mmio.data[0] = 0x5a;
	CHECK_EQ(*(u8 *)EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1), 0x5a);
}

BLOB64(mmio_writes, "movq $0x1122334455667788, %rax\n movl $0xd0000000, %ebx\n"
		    "movb %al, (%rbx)\n movw %ax, 2(%rbx)\n movl %eax, 4(%rbx)\n"
		    "movq %rax, 8(%rbx)\n movb $0x5a, 1(%rbx)\n movw $0x1234, 16(%rbx)\n"
		    "movl $0x12345678, 20(%rbx)\n movq $-2, 24(%rbx)\n hlt\n");

TEST(mmio_write)
{
	static const struct {
		u8 offset, len;
		u64 data;
	} want[] = {
		{ 0, 1, 0x88 }, { 2, 2, 0x7788 }, { 4, 4, 0x55667788 },
		{ 8, 8, 0x1122334455667788 }, { 1, 1, 0x5a }, { 16, 2, 0x1234 },
		{ 20, 4, 0x12345678 }, { 24, 8, -2ull },
	};
	struct machine m;
	u64 data;
	u32 i;

	START(&m, mmio_writes, long_at);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_MMIO(&m.v, TEST_MMIO + want[i].offset, want[i].len, true);
		data = 0;
		memcpy(&data, m.v.run->mmio.data, want[i].len);
		CHECK_EQ(data, want[i].data);
	}
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
}

BLOB64(mmio_reads, "movl $0xd0000000, %ebx\n movq $-1, %rax\n movb (%rbx), %al\n"
		   "movq %rax, %rcx\n movq $-1, %rax\n movw 2(%rbx), %ax\n movq %rax, %rdx\n"
		   "movq $-1, %rax\n movl 4(%rbx), %eax\n movq %rax, %rsi\n"
		   "movq 8(%rbx), %rdi\n movzbl 1(%rbx), %r8d\n movsbq 1(%rbx), %r9\n"
		   "movswl 2(%rbx), %r10d\n hlt\n");

static void give_mmio(struct vcpu *v, u64 offset, u8 len, u64 data)
{
	EXPECT_MMIO(v, TEST_MMIO + offset, len, false);
	memcpy(v->run->mmio.data, &data, len);
}

TEST(mmio_read)
{
	struct kvm_regs r;
	struct machine m;

	START(&m, mmio_reads, long_at);
	give_mmio(&m.v, 0, 1, 0x12);
	give_mmio(&m.v, 2, 2, 0x3456);
	give_mmio(&m.v, 4, 4, 0x89abcdef);
	give_mmio(&m.v, 8, 8, 0x1122334455667788);
	give_mmio(&m.v, 1, 1, 0x80);
	give_mmio(&m.v, 1, 1, 0x80);
	give_mmio(&m.v, 2, 2, 0x8001);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rcx, 0xffffffffffffff12);
	CHECK_EQ(r.rdx, 0xffffffffffff3456);
	CHECK_EQ(r.rsi, 0x89abcdef);
	CHECK_EQ(r.rdi, 0x1122334455667788);
	CHECK_EQ(r.r8, 0x80);
	CHECK_EQ(r.r9, 0xffffffffffffff80);
	CHECK_EQ(r.r10, 0xffff8001);
}

BLOB64(mmio_split, "movq $0x1122334455667788, %rax\n movl $0xd0000ffc, %ebx\n"
		   "movq %rax, (%rbx)\n movq (%rbx), %rcx\n hlt\n");

/* An access across two pages of nothing is two exits. */
TEST(mmio_across_pages)
{
	struct kvm_regs r;
	struct machine m;

	START(&m, mmio_split, long_at);
	EXPECT_MMIO(&m.v, TEST_MMIO + 0xffc, 4, true);
	CHECK_EQ(*(u32 *)m.v.run->mmio.data, 0x55667788);
	EXPECT_MMIO(&m.v, TEST_MMIO + 0x1000, 4, true);
	CHECK_EQ(*(u32 *)m.v.run->mmio.data, 0x11223344);
	give_mmio(&m.v, 0xffc, 4, 0xaabbccdd);
	give_mmio(&m.v, 0x1000, 4, 0x01020304);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rcx, 0x01020304aabbccdd);
}

/* The last bytes of memory and the first of nothing, in one access. */
BLOB64(mmio_half, "movq $0x1122334455667788, %rax\n movl $0x7ffffc, %ebx\n"
		  "movq %rax, (%rbx)\n movq (%rbx), %rcx\n hlt\n");

TEST(mmio_half_in_memory)
{
	struct kvm_regs r;
	struct machine m;

	START(&m, mmio_half, long_at);
	EXPECT_MMIO(&m.v, VM_MEMORY, 4, true);
	CHECK_EQ(*(u32 *)m.v.run->mmio.data, 0x11223344);
	CHECK_EQ(*(u32 *)(m.vm.mem + VM_MEMORY - 4), 0x55667788);
	EXPECT_MMIO(&m.v, VM_MEMORY, 4, false);
	*(u32 *)m.v.run->mmio.data = 0xa5a5a5a5;
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rcx, 0xa5a5a5a555667788);
}

BLOB16(mmio_real, "movw $0xf000, %ax\n movw %ax, %ds\n movb $0x77, 0x123\n movb 0x124, %al\n"
		  "hlt\n");

TEST(mmio_in_real_mode)
{
	struct machine m;

	vm_init_bare(&m.vm);
	m.vm.mem = vm_add_mem(&m.vm, 0, 0, 0, 0xa0000);
	vcpu_init(&m.v, &m.vm, 0);
	LOAD(&m.vm, mmio_real);
	vcpu_real(&m.v, GPA_CODE);
	EXPECT_MMIO(&m.v, 0xf0123, 1, true);
	CHECK_EQ(m.v.run->mmio.data[0], 0x77);
	EXPECT_MMIO(&m.v, 0xf0124, 1, false);
	m.v.run->mmio.data[0] = 0x99;
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	CHECK_EQ(rax(&m.v) & 0xff, 0x99);
}

BLOB64(mmio_exec, "movl $0xd0000000, %eax\n jmp *%rax\n");

TEST(execute_nothing)
{
	struct machine m;

	START(&m, mmio_exec, long_at);
	EXPECT_EXIT(&m.v, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(m.v.run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
}

TEST(no_memory_at_all)
{
	struct machine m;

	vm_init_bare(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	if (vcpu_run_raw(&m.v) == 0)
		CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
}

/* The operation of an exit ends at the next KVM_RUN, even one that must not enter the guest. */
TEST(immediate_exit_completes_the_operation)
{
	struct kvm_regs r;
	struct machine m;

	START(&m, in64, long_at);
	*(u8 *)EXPECT_IO(&m.v, KVM_EXIT_IO_IN, 0x5000, 1) = 0x12;
	m.v.run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rax, 0xffffffffffffff12);
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	m.v.run->immediate_exit = 0;
	*(u16 *)EXPECT_IO(&m.v, KVM_EXIT_IO_IN, 0x5000, 2) = 1;
}

TEST(immediate_exit)
{
	struct kvm_regs r;
	struct machine m;

	START(&m, hlt16, real);
	m.v.run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rip, GPA_CODE);
	m.v.run->immediate_exit = 0;
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
}

BLOB64(triple, "pushq $0\n pushq $0\n lidt (%rsp)\n ud2\n");

TEST(triple_fault)
{
	struct machine m;

	START(&m, triple, long_at);
	EXPECT_EXIT(&m.v, KVM_EXIT_SHUTDOWN);
}

BLOB64(badcs, "hlt\n");

TEST(fail_entry)
{
	struct kvm_sregs s;
	struct machine m;
	int i;

	START(&m, badcs, long_at);
	get_sregs(&m.v, &s);
	s.cs.db = 1;
	if (ioctl(m.v.fd, KVM_SET_SREGS, &s))
		SKIP("64-bit and 32-bit code at once is refused before it runs");
	for (i = 0; i < 3; i++)
		EXPECT_EXIT(&m.v, KVM_EXIT_FAIL_ENTRY);
	vcpu_long_at(&m.v, GPA_CODE);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
}

TEST(run_argument)
{
	struct machine m;

	START(&m, hlt16, real);
	CHECK_ERR(ioctl(m.v.fd, KVM_RUN, 1ul), EINVAL);
}

BLOB64(spin, "1: incq %rax\n jmp 1b\n");
BLOB64(spin_cli, "cli\n1: jmp 1b\n");

static volatile bool ended;

/* Again and again: on a busy machine the first kick may come before KVM_RUN does. */
static void *kick_later(void *arg)
{
	do {
		sleep_ms(100);
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
	} while (!ended);
	return NULL;
}

static void interrupted_by_signal(const u8 *code, size_t n)
{
	pthread_t self = pthread_self(), t;
	struct machine m;

	install_kick();
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vm_write(&m.vm, GPA_CODE, code, n);
	vcpu_long_at(&m.v, GPA_CODE);
	CHECK_EQ(pthread_create(&t, NULL, kick_later, &self), 0);
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_INTR);
	ended = true;
	pthread_join(t, NULL);
}

TEST(signal_ends_run) { interrupted_by_signal(CODE(spin)); }
TEST(signal_ends_run_with_interrupts_off) { interrupted_by_signal(CODE(spin_cli)); }

struct mask {
	struct kvm_signal_mask h;
	u64 set;
} __attribute__((packed));

TEST(signal_mask)
{
	pthread_t self = pthread_self(), t;
	struct mask k = { .h.len = 8 };
	struct machine m;
	sigset_t set;

	START(&m, spin, long_at);
	/* Nobody handles it: it would end the process, were it not blocked but for the run. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_SIGNAL_MASK, &k));
	CHECK_EQ(pthread_create(&t, NULL, kick_later, &self), 0);
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	sigpending(&set);
	CHECK(sigismember(&set, SIGUSR1));
	/* Still pending: the next run ends at once, too. */
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	ended = true;
	pthread_join(t, NULL);
}

TEST(signal_mask_negative)
{
	struct mask k = { .h.len = 4 };
	struct machine m;

	START(&m, hlt16, real);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_SIGNAL_MASK, &k), EINVAL);
	k.h.len = 9;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_SIGNAL_MASK, &k), EINVAL);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_SIGNAL_MASK, 8ul), EFAULT);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_SIGNAL_MASK, NULL));
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
}

static void *sleeper(void *arg)
{
	vcpu_run_raw(arg);
	return (void *)(uintptr_t)errno;
}

/* HLT with an irqchip sleeps in the kernel; a signal ends that as well. */
TEST(signal_ends_hlt)
{
	struct vm vm;
	struct vcpu v;
	void *err;
	pthread_t t;

	install_kick();
	vm_init(&vm);
	vm_irqchip(&vm);
	vcpu_init(&v, &vm, 0);
	LOAD(&vm, hlt16);
	vcpu_real(&v, GPA_CODE);
	CHECK_EQ(pthread_create(&t, NULL, sleeper, &v), 0);
	sleep_ms(100);
	kick_and_join(t, &err);
	CHECK_EQ((uintptr_t)err, EINTR);
}

static void *get_regs_meanwhile(void *arg)
{
	struct kvm_regs r;
	struct vcpu *v = arg;

	CHECK_OK(ioctl(v->fd, KVM_GET_REGS, &r));
	CHECK_EQ(r.rip / 16, GPA_CODE / 16);
	return NULL;
}

/* A vCPU's ioctl waits until its KVM_RUN is over. */
TEST(ioctl_while_running)
{
	pthread_t self = pthread_self(), get, kick;
	struct machine m;

	install_kick();
	START(&m, spin, long_at);
	CHECK_EQ(pthread_create(&kick, NULL, kick_later, &self), 0);
	CHECK_EQ(pthread_create(&get, NULL, get_regs_meanwhile, &m.v), 0);
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	ended = true;
	pthread_join(get, NULL);
	pthread_join(kick, NULL);
}

static void *count_to(void *arg)
{
	EXPECT_SYNC((struct vcpu *)arg, 1);
	return NULL;
}

static void guest_syncs(u64 arg)
{
	u64 i, sum = 0;

	for (i = 0; i < arg; i++) {
		sum += i;
		guest_sync(1);
	}
	GUEST_EQ(sum, arg * (arg - 1) / 2);
	guest_done();
}

TEST(every_run_in_another_thread)
{
	struct machine m;
	pthread_t t;
	u64 i, n = test_scale(100);

	start_c(&m, guest_syncs, n);
	for (i = 0; i < n; i++) {
		CHECK_EQ(pthread_create(&t, NULL, count_to, &m.v), 0);
		pthread_join(t, NULL);
	}
	EXPECT_DONE(&m.v);
}

TEST(two_vms_in_turn)
{
	struct machine a, b;
	u64 i, n = test_scale(200);

	start_c(&a, guest_syncs, n);
	start_c(&b, guest_syncs, n);
	for (i = 0; i < n; i++) {
		EXPECT_SYNC(&a.v, 1);
		EXPECT_SYNC(&b.v, 1);
	}
	EXPECT_DONE(&a.v);
	EXPECT_DONE(&b.v);
}

/* All registers live across exits. */
static void guest_keeps_registers(u64 arg)
{
	(void)arg;
	asm volatile("movl $1000, %%r15d\n"
		     "1: movq $0x101, %%rbx; movq $0x202, %%rsi; movq $0x303, %%rdi\n"
		     "movq $0x404, %%r8; movq $0x505, %%r9; movq $0x606, %%r10\n"
		     "movq $0x707, %%r11; movq $0x808, %%r12; movq $0x909, %%r13\n"
		     "xorl %%eax, %%eax; xorl %%ecx, %%ecx; pushq %%rbx; cpuid; popq %%r14\n"
		     "cmpq $0x101, %%r14; jne 2f; cmpq $0x202, %%rsi; jne 2f\n"
		     "cmpq $0x303, %%rdi; jne 2f; cmpq $0x404, %%r8; jne 2f\n"
		     "cmpq $0x505, %%r9; jne 2f; cmpq $0x606, %%r10; jne 2f\n"
		     "cmpq $0x707, %%r11; jne 2f; cmpq $0x808, %%r12; jne 2f\n"
		     "cmpq $0x909, %%r13; jne 2f; decl %%r15d; jnz 1b; jmp 3f\n"
		     "2: ud2\n3:\n"
		     : : : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
		       "r12", "r13", "r14", "r15", "memory", "cc");
	guest_done();
}

TEST(registers_survive_exits)
{
	struct machine m;

	start_c(&m, guest_keeps_registers, 0);
	EXPECT_DONE(&m.v);
}

static volatile u64 fault_address;

static void on_page_fault(struct guest_frame *f)
{
	u64 cr2;

	asm volatile("movq %%cr2, %0" : "=r"(cr2));
	fault_address = cr2;
	guest_fault.vector = 14;
	guest_fault.error = f->error;
	f->rip = guest_fault.fixup;
}

static void guest_exceptions(u64 arg)
{
	u64 bad = 0x8000000000000000ull, zero = 0, far_away = 0x1234567000ull;

	(void)arg;
	GUEST_EQ(GUEST_TRY("ud2", : : : "memory"), 6);
	GUEST_EQ(GUEST_TRY("int3", : : : "memory"), 3);
	GUEST_EQ(GUEST_TRY("xorl %%edx, %%edx; divq %0", : : "r"(zero) : "rax", "rdx", "memory"), 0);
	GUEST_EQ(GUEST_TRY("movq (%0), %%rax", : : "r"(bad) : "rax", "memory"), 13);
	GUEST_EQ(GUEST_TRY("movw %%ax, %%ds", : : "a"(0x1000) : "memory"), 13);
	GUEST_EQ(guest_fault.error, 0x1000);
	GUEST_EQ(GUEST_TRY("movq %0, %%cr4", : : "r"(~0ull) : "memory"), 13);
	GUEST_EQ(GUEST_TRY("movq %0, %%cr0", : : "r"(1ull << 31) : "memory"), 13);
	guest_handler[14] = on_page_fault;
	GUEST_EQ(GUEST_TRY("movq %%rax, (%0)", : : "r"(far_away) : "memory"), 14);
	GUEST_EQ(fault_address, far_away);
	GUEST_EQ(guest_fault.error & 7, 2);
	GUEST_EQ(GUEST_TRY("nop", : : : "memory"), 256);
	guest_done();
}

TEST(exceptions)
{
	struct machine m;

	start_c(&m, guest_exceptions, 0);
	EXPECT_DONE(&m.v);
}

static volatile u32 taken;

static void on_vector(struct guest_frame *f)
{
	taken = f->vector;
}

static void guest_takes_interrupts(u64 arg)
{
	u32 i;

	for (i = 0; i < 256; i++)
		if (i >= 32 || i == 2)
			guest_handler[i] = on_vector;
	guest_sync(1);
	GUEST_EQ(taken, 2);
	guest_sync(2);
	GUEST_EQ(taken, 2);
	sti();
	while (taken == 2)
		cpu_relax();
	GUEST_EQ(taken, arg);
	guest_done();
}

/* The userspace irqchip's way: KVM_INTERRUPT when the window is open. */
TEST(interrupt_and_nmi_by_userspace)
{
	struct kvm_interrupt irq = { .irq = 0x40 };
	struct machine m;

	start_c(&m, guest_takes_interrupts, irq.irq);
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(m.v.run->if_flag, 0);
	CHECK_EQ(m.v.run->ready_for_interrupt_injection, 0);
	CHECK_OK(ioctl(m.v.fd, KVM_NMI, 0ul));
	EXPECT_SYNC(&m.v, 2);
	m.v.run->request_interrupt_window = 1;
	EXPECT_EXIT(&m.v, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(m.v.run->ready_for_interrupt_injection, 1);
	CHECK_EQ(m.v.run->if_flag, 1);
	m.v.run->request_interrupt_window = 0;
	CHECK_OK(ioctl(m.v.fd, KVM_INTERRUPT, &irq));
	EXPECT_DONE(&m.v);
}

TEST(interrupt_negative)
{
	struct kvm_interrupt irq = { .irq = 256 };
	struct machine m;
	struct vcpu v;
	struct vm vm;

	START(&m, hlt16, real);
	CHECK_ERR(ioctl(m.v.fd, KVM_INTERRUPT, &irq), EINVAL);
	CHECK_ERR(ioctl(m.v.fd, KVM_INTERRUPT, NULL), EFAULT);
	vm_init(&vm);
	vm_irqchip(&vm);
	vcpu_init(&v, &vm, 0);
	irq.irq = 0x40;
	CHECK_ERR(ioctl(v.fd, KVM_INTERRUPT, &irq), ENXIO);
}

#define CPUID_VMX (1u << 5)	/* CPUID 1, ECX */

static void guest_calls_hypervisor(u64 arg)
{
	u64 r;

	if (arg == CPUID_VMX)
		asm volatile("vmcall" : "=a"(r) : "a"(0x1234) : "memory");
	else
		asm volatile("vmmcall" : "=a"(r) : "a"(0x1234) : "memory");
	GUEST_EQ(r, -1000ull);
	guest_done();
}

TEST(unknown_hypercall)
{
	u32 eax, ebx, ecx, edx;
	struct machine m;

	/* Each vendor has its own instruction. */
	__cpuid(1, eax, ebx, ecx, edx);
	start_c(&m, guest_calls_hypervisor, ecx & CPUID_VMX);
	EXPECT_DONE(&m.v);
}

TEST(exit_state)
{
	struct machine m;

	START(&m, hlt16, real);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	CHECK_EQ(m.v.run->cr8, 0);
	CHECK_EQ(m.v.run->apic_base & 0xfffff000, 0xfee00000);
	CHECK_EQ(m.v.run->if_flag, 0);
	CHECK_EQ(m.v.run->flags, 0);
}
