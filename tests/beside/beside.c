// SPDX-License-Identifier: GPL-2.0-only
/*
 * beside [OPTION]... DEVICE:SEED...: a guest for each, in threads of this process.
 *
 *	-s SECONDS	so long (default: 5), and at least five rounds, or until SIGTERM
 *	-c CPU		on that CPU alone; otherwise each thread moves between CPUs
 *	-r ROUNDS	each machine ends after that many rounds, and another one begins
 *	-b FILE		compare the host's MSRs with those in FILE
 *	-n COUNT	spin at most so often in a guest's loop (default: 300000)
 *
 * beside -S FILE saves the host's MSRs, beside -C FILE compares those of all CPUs once.
 *
 * Each guest's line at the end: "DEVICE SEED rounds N machines N pause MS". Status 1: something was wrong, and was said.
 */
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "beside.h"

#define MSR_KERNEL_GS_BASE 0xc0000102
#define WORKERS_MAX 8
#define TICK_MS 15
/* Who waits for the others makes the run longer, and fails by a time limit or in comparison. */
#define ROUNDS_MIN 5

struct worker {
	char device[32];
	u32 seed;
	pthread_t thread;
	struct host_state host;
	struct vm vm;
	struct vcpu v;
	u8 *fresh;
	u32 said;		/* the guest's last word to TEST_PORT, TEST_MMIO */
	u64 rounds, machines, last_ns, pause_ns, left_out;
};

static struct worker workers[WORKERS_MAX];
static u32 nr_workers;
static u64 end_ns, rounds_of_a_machine, spins = 300000;
static int one_cpu = -1;
static volatile sig_atomic_t ending;

/*
 * What the selftests' library asks of its harness
 */

static __thread char thread_name[48] = "beside";

void name_thread(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(thread_name, sizeof(thread_name), fmt, ap);
	va_end(ap);
}

static void say(const char *file, int line, const char *fmt, va_list ap)
{
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), "%s: %s:%d: ", thread_name, file, line);
	n += vsnprintf(text + n, sizeof(text) - n - 1, fmt, ap);
	if (n > (int)sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n++] = '\n';
	if (write(STDOUT_FILENO, text, n) < 0)
		_exit(2);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(file, line, fmt, ap);
	va_end(ap);
	_exit(1);
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("skipped", 0, fmt, ap);
	va_end(ap);
	_exit(1);
}

/*
 * A guest
 */

static void set_xcr0(struct worker *w, u64 round)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = XCR0(w->host.avx, w->seed, round) };

	if (w->host.xsave)
		CHECK_OK(ioctl(w->v.fd, KVM_SET_XCRS, &xcrs));
}

static void machine_begin(struct worker *w)
{
	/* Of this process's two hypervisors the library knows one at a time: workers begin one after the other. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	setenv("WARREN_DEVICE", w->device, 1);
	vm_init(&w->vm);
	pthread_mutex_unlock(&lock);
	vm_irqchip(&w->vm);
	w->fresh = vm_add_mem(&w->vm, SLOT_TEST, 0, FRESH_GPA, FRESH_PAGES * PAGE);
	vcpu_init(&w->v, &w->vm, 0);
	vcpu_cpuid(&w->v);
	vcpu_long(&w->v, guest_works, w->seed);
	GUEST_VAR(&w->vm, guest_spins) = spins;
	set_xcr0(w, 1);
	w->machines++;
}

static void machine_end(struct worker *w)
{
	w->left_out = GUEST_VAR(&w->vm, guest_left_out);
	vcpu_free(&w->v);
	vm_free(&w->vm);
	munmap(w->fresh, FRESH_PAGES * PAGE);
}

/* What the guest has in its registers goes out and in again, as when a VMM saves a machine; the guest looks at it later. */
static void check_state(struct worker *w, u64 base)
{
	struct kvm_sregs s;

	CHECK_EQ(get_msr(&w->v, MSR_KERNEL_GS_BASE), base);
	CHECK_EQ(set_msr(&w->v, MSR_KERNEL_GS_BASE, base), 1);
	get_sregs(&w->v, &s);
	CHECK_EQ(s.gs.base >> 40, w->seed);
	set_sregs(&w->v, &s);
}

/* Where the host's scheduler would not think of it: a CPU that is offline now is none. */
static void move(struct worker *w)
{
	cpu_set_t set;

	if (one_cpu >= 0 || w->rounds % 4)
		return;
	CPU_ZERO(&set);
	CPU_SET((w->rounds / 4 + w->seed) % get_nprocs_conf(), &set);
	if (!sched_setaffinity(0, sizeof(set), &set)) {
		memset(&set, 0xff, sizeof(set));
		sched_setaffinity(0, sizeof(set), &set);
	}
}

static void round_done(struct worker *w)
{
	u64 now = now_ns();

	w->rounds++;
	if (now - w->last_ns > w->pause_ns)
		w->pause_ns = now - w->last_ns;
	w->last_ns = now;
}

static void on_call(struct worker *w)
{
	struct kvm_regs r;

	get_regs(&w->v, &r);
	if ((u32)r.rax == UCALL_ABORT)
		FAIL("round %llu: guest's check at work.c:%llu (MSR %#llx): got %#llx, expected %#llx", w->rounds + 1ull,
		     r.rdi & 0xffffffff, r.rdi >> 32, r.rsi, r.rcx);
	if ((u32)r.rax == UCALL_TRAP)
		FAIL("round %llu: guest's trap %llu, error %#llx, rip %#llx", w->rounds + 1ull, r.rdi, r.rsi, r.rcx);
	CHECK_EQ((u32)r.rax, UCALL_SYNC);
	CHECK_EQ(r.rdi, ROUND);
	CHECK_EQ(r.rcx, MARK(w->seed, r.rsi, 5));
	check_state(w, r.rcx);
	set_xcr0(w, r.rsi + 1);
	CHECK_OK(madvise(w->fresh, FRESH_PAGES * PAGE, MADV_DONTNEED));
	round_done(w);
	move(w);
	host_check_msrs();
}

static void on_io(struct worker *w)
{
	struct kvm_run *run = w->v.run;
	u32 *data = (u32 *)((u8 *)run + run->io.data_offset);

	if (run->io.port == UCALL_PORT) {
		on_call(w);
		return;
	}
	CHECK_EQ(run->io.port, TEST_PORT);
	if (run->io.direction == KVM_EXIT_IO_OUT)
		w->said = *data;
	else
		*data = TURNED(w->said, w->seed);
}

static void on_mmio(struct worker *w)
{
	struct kvm_run *run = w->v.run;
	u32 answer;

	CHECK_EQ(run->mmio.phys_addr, TEST_MMIO);
	CHECK_EQ(run->mmio.len, 4);
	if (run->mmio.is_write) {
		memcpy(&w->said, run->mmio.data, 4);
		return;
	}
	answer = TURNED(w->said, w->seed);
	memcpy(run->mmio.data, &answer, 4);
}

static bool over(struct worker *w)
{
	return ending || (w->last_ns >= end_ns && w->rounds >= ROUNDS_MIN);
}

static void run_machine(struct worker *w)
{
	u64 first = w->rounds;

	while (!over(w) && (!rounds_of_a_machine || w->rounds - first < rounds_of_a_machine)) {
		if (host_run(&w->host, w->v.fd)) {
			if (errno != EINTR && errno != EAGAIN)
				FAIL("KVM_RUN: %s; %s", strerror(errno), vcpu_describe(&w->v));
		} else if (w->v.run->exit_reason == KVM_EXIT_IO) {
			on_io(w);
		} else if (w->v.run->exit_reason == KVM_EXIT_MMIO) {
			on_mmio(w);
		} else {
			FAIL("unexpected %s", vcpu_describe(&w->v));
		}
		host_check(&w->host);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	name_thread("%s seed %u", w->device, w->seed);
	host_begin(&w->host, w->seed);
	w->last_ns = now_ns();
	while (!over(w)) {
		machine_begin(w);
		run_machine(w);
		machine_end(w);
	}
	return NULL;
}

static void report(const struct worker *w)
{
	static const char *const names[] = { "DEBUGCTL", "SPEC_CTRL", "TSC_AUX", "AVX", "PKRU" };
	u32 i;

	printf("%s %u rounds %llu machines %llu pause %llu without", w->device, w->seed, (unsigned long long)w->rounds,
	       (unsigned long long)w->machines, (unsigned long long)w->pause_ns / 1000000);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (w->left_out >> i & 1)
			printf(" %s", names[i]);
	printf("\n");
}

static void add_worker(char *arg)
{
	struct worker *w = &workers[nr_workers];
	char *colon = strrchr(arg, ':');

	if (nr_workers == WORKERS_MAX || !colon || strlen(arg) > sizeof(w->device))
		FAIL("DEVICE:SEED is expected, at most %d times: %s", WORKERS_MAX, arg);
	*colon = 0;
	strcpy(w->device, arg);
	w->seed = atoi(colon + 1);
	if (!w->seed || w->seed >= SEEDS)
		FAIL("seeds are from 1 to %d", SEEDS - 1);
	nr_workers++;
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(one_cpu, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
}

static void on_term(int sig)
{
	(void)sig;
	ending = 1;
}

static void run_all(void)
{
	struct sigaction act = { .sa_handler = on_term };
	u32 i;

	CHECK_OK(sigaction(SIGTERM, &act, NULL));
	if (one_cpu >= 0)
		pin();
	alarm_every(TICK_MS);
	for (i = 0; i < nr_workers; i++)
		CHECK_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	for (i = 0; i < nr_workers; i++)
		pthread_join(workers[i].thread, NULL);
	for (i = 0; i < nr_workers; i++)
		report(&workers[i]);
}

int main(int argc, char **argv)
{
	u64 seconds = 5;
	int c;

	while ((c = getopt(argc, argv, "s:c:r:b:n:S:C:")) != -1) {
		switch (c) {
		case 's':
			seconds = atoi(optarg);
			break;
		case 'c':
			one_cpu = atoi(optarg);
			break;
		case 'r':
			rounds_of_a_machine = atoi(optarg);
			break;
		case 'b':
			host_load_msrs(optarg);
			break;
		case 'n':
			spins = atoi(optarg);
			break;
		case 'S':
			host_save_msrs(optarg);
			return 0;
		case 'C':
			host_load_msrs(optarg);
			host_check_all_msrs();
			return 0;
		default:
			return 2;
		}
	}
	for (; optind < argc; optind++)
		add_worker(argv[optind]);
	end_ns = now_ns() + seconds * 1000000000ull;
	run_all();
	return 0;
}
