// SPDX-License-Identifier: GPL-2.0-only
/* Tracepoints (module/trace.h), as tracefs shows them, in a buffer of these tests' own. */
#include <cpuid.h>
#include <fcntl.h>
#include <linux/warren.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apic.h"
#include "guest.h"
#include "vm.h"

struct machine {
	struct vm vm;
	struct vcpu v;
};

static bool host_is_amd(void)
{
	u32 a, b, c, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && c & 4;
}

#define TRACEFS "/sys/kernel/tracing"
#define INSTANCE TRACEFS "/instances/warren-selftest"

#define TEXT_SIZE (4 * MiB)

/* Not in the program: guests have a copy of that. */
static char *trace_text;

static void trace_file(const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), INSTANCE "/%s", name);
	fd = CHECK_OK(open(path, O_WRONLY | O_TRUNC));
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void tracepoints_on(void)
{
	if (is_kvm())
		SKIP("these are Warren's");
	if (access(TRACEFS "/events", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/events", F_OK))
		SKIP("this kernel has no tracefs");
	rmdir(INSTANCE);
	CHECK_OK(mkdir(INSTANCE, 0755));
	trace_file("events/warren/enable", "1");
}

/* Takes what was traced, and leaves nothing behind. */
static void tracepoints_off(void)
{
	size_t n = 0;
	ssize_t got;
	int fd;

	trace_text = calloc(1, TEXT_SIZE);
	trace_file("events/warren/enable", "0");
	fd = CHECK_OK(open(INSTANCE "/trace", O_RDONLY));
	while ((got = read(fd, trace_text + n, TEXT_SIZE - 1 - n)) > 0)
		n += got;
	close(fd);
	CHECK_OK(rmdir(INSTANCE));
}

/* A line of that event whose text has all of a and b */
static bool traced(const char *event, const char *a, const char *b)
{
	char *line, *end;

	for (line = trace_text; *line; line = end + 1) {
		end = strchrnul(line, '\n');
		if (!*end)
			break;
		*end = 0;
		if (strstr(line, event) && strstr(line, a) && strstr(line, b)) {
			*end = '\n';
			return true;
		}
		*end = '\n';
	}
	return false;
}

#define EXPECT_TRACED(event, a, b)					\
	do {								\
		if (!traced(event ": ", a, b)) {			\
			test_note("%.1500s", trace_text);		\
			FAIL("expected a line %s with \"%s\" and \"%s\"", event, a, b);	\
		}							\
	} while (0)

BLOB16(known16,
	"xorl %eax, %eax\n"
	"cpuid\n"
	"movw $0x5000, %dx\n"
	"outb %al, %dx\n"
	"movl $0x1b, %ecx\n"
	"rdmsr\n"
	"wrmsr\n"
	"hlt\n");

TEST(exits)
{
	struct warren_vm_info info;
	struct machine m;
	char who[32];

	tracepoints_on();
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	LOAD(&m.vm, known16);
	vcpu_real(&m.v, GPA_CODE);
	EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	tracepoints_off();
	CHECK_OK(ioctl(m.vm.fd, WARREN_GET_VM_INFO, &info));
	snprintf(who, sizeof(who), "vm %u vcpu 0 ", info.id);
	EXPECT_TRACED("warren_entry", who, "rip 0x8000");
	EXPECT_TRACED("warren_page_fault", who, "gpa 0x8000 read");
	EXPECT_TRACED("warren_exit", who, "reason cpuid rip 0x8003 code");
	EXPECT_TRACED("warren_exit", host_is_amd() ? "code 0x72 " : "code 0xa ", "reason cpuid");
	EXPECT_TRACED("warren_exit", who, "reason io ");
	EXPECT_TRACED("warren_pio", who, "out port 0x5000 size 1 value 0x");
	EXPECT_TRACED("warren_user_exit", who, "reason 2 error 0");
	EXPECT_TRACED("warren_msr", who, "read 0x1b value 0xfee00");
	EXPECT_TRACED("warren_msr", who, "write 0x1b value 0xfee00");
	EXPECT_TRACED("warren_user_exit", who, "reason 5 error 0");
	CHECK(!traced("warren_inj", "", ""));
	CHECK(!traced("warren_mmio", "", ""));
}

static void on_timer(struct guest_frame *f)
{
	(void)f;
	apic_eoi();
}

static void guest_does_much(u64 is_amd)
{
	u64 value;

	writel(TEST_MMIO, 0x1234);
	readl(TEST_MMIO + 4);
	GUEST_EQ(rdmsr_safe(0x12345678, &value), 13);
	if (is_amd)
		asm volatile("vmmcall" : "=a"(value) : "a"(12345ul) : "memory");
	else
		asm volatile("vmcall" : "=a"(value) : "a"(12345ul) : "memory");
	apic_on();
	guest_handler[0x61] = on_timer;
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x61);
	/* 300 ms: no host is so slow that it is over before HLT. */
	apic_write(APIC_TMICT, 300000000);
	sti_hlt_cli();
	guest_done();
}

TEST(actions)
{
	struct machine m;
	u32 *in;

	tracepoints_on();
	vm_init(&m.vm);
	vm_irqchip(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	vcpu_long(&m.v, guest_does_much, host_is_amd());
	EXPECT_MMIO(&m.v, TEST_MMIO, 4, true);
	EXPECT_MMIO(&m.v, TEST_MMIO + 4, 4, false);
	in = (u32 *)m.v.run->mmio.data;
	*in = 0xabcd;
	EXPECT_DONE(&m.v);
	tracepoints_off();
	EXPECT_TRACED("warren_page_fault", "gpa 0xd0000000 write", "device");
	EXPECT_TRACED("warren_exit", "reason fault", "gpa 0xd0000000");
	EXPECT_TRACED("warren_mmio", "write gpa 0xd0000000", "size 4 value 0x1234");
	EXPECT_TRACED("warren_mmio", "read gpa 0xd0000004", "size 4 value 0xabcd");
	EXPECT_TRACED("warren_msr", "read 0x12345678", "#GP");
	EXPECT_TRACED("warren_inj_exception", "vector 0xd", "");
	EXPECT_TRACED("warren_hypercall", "number 12345", "result -1000");
	EXPECT_TRACED("warren_halt", "slept", " ns");
	/* With APIC virtualization the CPU delivers by itself. */
	if (host_is_amd())
		EXPECT_TRACED("warren_inj_interrupt", "vector 0x61", "");
}
