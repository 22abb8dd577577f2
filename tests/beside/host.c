// SPDX-License-Identifier: GPL-2.0-only
/* The host's own state while guests run: registers of the VMM's threads, and MSRs that only the kernel sees. */
#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "beside.h"

#define HOST_ROUND 0xabc	/* of marks; guests' differ */
#define EFER_SVME (1u << 12)
#define CPUS_MAX 8

static u32 mxcsr(const struct host_state *h)
{
	return 0x1f80 | (h->seed & 3) << 13;
}

static u16 control_word(const struct host_state *h)
{
	return 0x37f | (h->seed << 10 & 0xc00);
}

/* Key 0 is that of all pages. */
static u32 pkru(const struct host_state *h)
{
	return MARK32(h->seed, 0x77, 0) << 2;
}

/*
 * A breakpoint of this thread's own, counted by perf. As long as it runs the CPU has one armed, so that entries take a way that
 * others do not: every third has one.
 */
static void watch(struct host_state *h)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&h->watched, .bp_len = HW_BREAKPOINT_LEN_8, .exclude_kernel = 1, .exclude_hv = 1,
	};

	h->watch = h->seed % 3 ? -1 : CHECK_OK(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static void check_watch(struct host_state *h)
{
	u64 count;

	h->watched++;
	CHECK_EQ(read(h->watch, &count, sizeof(count)), sizeof(count));
	CHECK_EQ(count, h->watched);
}

void host_begin(struct host_state *h, u32 seed)
{
	u32 m;
	u16 cw;

	memset(h, 0, sizeof(*h));
	h->seed = seed;
	h->xsave = cpuid(1, 0).c >> 27 & 1;
	h->avx = h->xsave && cpuid(1, 0).c >> 28 & 1;
	h->pku = (cpuid(7, 0).c >> 3 & 3) == 3;
	h->rdtscp = cpuid(0x80000001, 0).d >> 27 & 1;
	m = mxcsr(h);
	cw = control_word(h);
	asm volatile("ldmxcsr %0; fldcw %1" : : "m"(m), "m"(cw));
	if (h->pku)
		asm volatile("wrpkru" : : "a"(pkru(h)), "c"(0), "d"(0) : "memory");
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, MARK(seed, HOST_ROUND, 1)));
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &h->fs));
	watch(h);
}

int host_run(struct host_state *h, int fd)
{
	long ret = SYS_ioctl;
	u32 i;

	for (i = 0; i < sizeof(h->in) / 8; i++)
		((u64 *)&h->in)[i] = h->avx || i % 4 < 2 ? MARK(h->seed, HOST_ROUND, i) : 0;
	if (h->avx)
		load_ymm(&h->in);
	else
		load_xmm(&h->in);
	asm volatile("syscall" : "+a"(ret) : "D"(fd), "S"(KVM_RUN), "d"(0) : "rcx", "r11", "memory");
	if (h->avx)
		store_ymm(&h->out);
	else
		store_xmm(&h->out);
	for (i = 0; i < sizeof(h->in) / 8; i++)
		CHECK_EQ(((u64 *)&h->out)[i], ((u64 *)&h->in)[i]);
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

/* The kernel keeps the number of the CPU in TSC_AUX; a thread that moves meanwhile is no evidence. */
static void check_tsc_aux(void)
{
	u32 aux, before, after;

	CHECK_OK(syscall(SYS_getcpu, &before, NULL, NULL));
	asm volatile("rdtscp" : "=c"(aux) : : "eax", "edx");
	CHECK_OK(syscall(SYS_getcpu, &after, NULL, NULL));
	if (before == after)
		CHECK_EQ(aux, before);
}

static void check_segments(const struct host_state *h)
{
	u64 base;

	CHECK_OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
	CHECK_EQ(base, h->fs);
	/* A thread finds itself at FS:0. */
	asm volatile("movq %%fs:0, %0" : "=r"(base));
	CHECK_EQ(base, h->fs);
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	CHECK_EQ(base, MARK(h->seed, HOST_ROUND, 1));
}

void host_check(struct host_state *h)
{
	u32 v;
	u16 cw;

	asm volatile("stmxcsr %0; fnstcw %1" : "=m"(v), "=m"(cw));
	CHECK_EQ(v & 0xffc0, mxcsr(h));
	CHECK_EQ(cw, control_word(h));
	if (h->pku) {
		asm volatile("rdpkru" : "=a"(v) : "c"(0) : "edx");
		CHECK_EQ(v, pkru(h));
	}
	if (h->rdtscp)
		check_tsc_aux();
	if (h->watch >= 0)
		check_watch(h);
	check_segments(h);
}

/*
 * MSRs of the kernel. While a thread is in user mode none is a guest's: KVM puts them back before.
 */

static const u32 msrs[] = {
	0x174, 0x175, 0x176,				/* SYSENTER */
	0x1d9, 0x277, 0xda0,				/* DEBUGCTL, PAT, XSS */
	0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,	/* EFER, STAR, LSTAR, CSTAR, SFMASK */
	0xc0000103, 0xc0000104,				/* TSC_AUX, TSC_RATIO */
};

struct cpu_msrs {
	u64 value[ARRAY_SIZE(msrs)];
	bool there[ARRAY_SIZE(msrs)];
};

static struct cpu_msrs saved[CPUS_MAX];
static bool have_saved;

static int open_msrs(u32 cpu)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/cpu/%u/msr", cpu);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool read_msr(int fd, u32 index, u64 *v)
{
	if (pread(fd, v, sizeof(*v), index) != sizeof(*v))
		return false;
	/* KVM's and Warren's to set and clear */
	if (index == 0xc0000080)
		*v &= ~(u64)EFER_SVME;
	return true;
}

void host_save_msrs(const char *file)
{
	int fd, out = CHECK_OK(open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	u32 cpu, i;

	for (cpu = 0; cpu < CPUS_MAX; cpu++) {
		fd = open_msrs(cpu);
		for (i = 0; fd >= 0 && i < ARRAY_SIZE(msrs); i++)
			saved[cpu].there[i] = read_msr(fd, msrs[i], &saved[cpu].value[i]);
		if (fd >= 0)
			close(fd);
	}
	CHECK_EQ(write(out, saved, sizeof(saved)), sizeof(saved));
	close(out);
}

void host_load_msrs(const char *file)
{
	int fd = CHECK_OK(open(file, O_RDONLY | O_CLOEXEC));

	CHECK_EQ(read(fd, saved, sizeof(saved)), sizeof(saved));
	close(fd);
	have_saved = true;
}

static void wrong_msr(u32 cpu, u32 i, u64 v)
{
	FAIL("the host's MSR %#x of CPU %u: expected %#llx, got %#llx", msrs[i], cpu, (unsigned long long)saved[cpu].value[i],
	     (unsigned long long)v);
}

/*
 * Of the CPU that this thread is on: on another one KVM may have left a guest's there for now, as it may here while this thread is
 * preempted in the middle. So one right value of a few is enough.
 */
static void check_msr_here(int fd, u32 cpu, u32 i)
{
	u32 tries;
	u64 v;

	for (tries = 0; saved[cpu].there[i] && tries < 10; tries++) {
		if (!read_msr(fd, msrs[i], &v) || v == saved[cpu].value[i] || (u32)sched_getcpu() != cpu)
			return;
	}
	if (saved[cpu].there[i])
		wrong_msr(cpu, i, v);
}

void host_check_msrs(void)
{
	u32 cpu = sched_getcpu(), i;
	int fd = have_saved && cpu < CPUS_MAX ? open_msrs(cpu) : -1;

	if (fd < 0)
		return;
	for (i = 0; i < ARRAY_SIZE(msrs); i++)
		check_msr_here(fd, cpu, i);
	close(fd);
}

void host_check_all_msrs(void)
{
	u32 cpu, i;
	u64 v;
	int fd;

	for (cpu = 0; cpu < CPUS_MAX; cpu++) {
		fd = open_msrs(cpu);
		for (i = 0; fd >= 0 && i < ARRAY_SIZE(msrs); i++)
			if (saved[cpu].there[i] && read_msr(fd, msrs[i], &v) && v != saved[cpu].value[i])
				wrong_msr(cpu, i, v);
		if (fd >= 0)
			close(fd);
	}
}
