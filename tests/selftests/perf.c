// SPDX-License-Identifier: GPL-2.0-only
/* perf in the host: with the module's parameter perf=1 samples taken while a guest runs are the guest's, else there are none. */
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

#define RING_PAGES 16

static bool module_shows_guests(void)
{
	FILE *f = fopen("/sys/module/warren/parameters/perf", "r");
	int c = f ? getc(f) : 'N';

	if (f)
		fclose(f);
	return is_kvm() || c == 'Y';
}

/* A sample each millisecond of this thread's CPU time; its memory to read them from. */
static struct perf_event_mmap_page *sample_me(int *fd)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000,
		.sample_type = PERF_SAMPLE_IP,
	};
	void *p;

	*fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0ul);
	if (*fd < 0)
		SKIP("no perf here: errno %d", errno);
	p = mmap(NULL, (1 + RING_PAGES) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	CHECK(p != MAP_FAILED);
	return p;
}

static u64 samples, of_guest, of_guest_user, in_loop;

static void count_samples(struct perf_event_mmap_page *p, u64 from, u64 to)
{
	u8 *data = (u8 *)p + p->data_offset;
	u64 at = p->data_tail, head = p->data_head;

	__sync_synchronize();
	while (at < head) {
		struct perf_event_header *h = (void *)(data + at % p->data_size);
		u32 mode = h->misc & PERF_RECORD_MISC_CPUMODE_MASK;
		/* Its eight bytes may be at the other end of the ring. */
		u64 ip = *(u64 *)(data + (at + sizeof(*h)) % p->data_size);

		at += h->size;
		if (h->type != PERF_RECORD_SAMPLE)
			continue;
		samples++;
		of_guest_user += mode == PERF_RECORD_MISC_GUEST_USER;
		if (mode != PERF_RECORD_MISC_GUEST_KERNEL && mode != PERF_RECORD_MISC_GUEST_USER)
			continue;
		of_guest++;
		in_loop += ip >= from && ip < to;
	}
	p->data_tail = at;
}

static void __attribute__((noinline, aligned(64))) guest_loops(u64 arg)
{
	(void)arg;
	guest_sync(1);
	for (;;)
		cpu_relax();
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(samples_of_guests)
{
	struct perf_event_mmap_page *p;
	struct itimerval after = { .it_value = { .tv_usec = 100000 } };
	u64 from = (u64)guest_loops;
	struct vcpu v;
	struct vm vm;
	int fd, i;

	CHECK_OK(sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL));
	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	vcpu_long(&v, guest_loops, 0);
	EXPECT_SYNC(&v, 1);
	p = sample_me(&fd);
	for (i = 0; i < 50 && of_guest < 10; i++) {
		CHECK_OK(setitimer(ITIMER_REAL, &after, NULL));
		CHECK_ERR(vcpu_run_raw(&v), EINTR);
		count_samples(p, from, from + 64);
		if (!module_shows_guests() && samples >= 20)
			break;
	}
	test_note("%llu samples, %llu of the guest", (unsigned long long)samples, (unsigned long long)of_guest);
	CHECK(samples >= 10);
	if (!module_shows_guests()) {
		CHECK_EQ(of_guest, 0);
		return;
	}
	CHECK(of_guest >= 10);
	CHECK_EQ(in_loop, of_guest);
	CHECK_EQ(of_guest_user, 0);
}
