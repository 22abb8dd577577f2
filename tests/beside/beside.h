/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests of two hypervisors on the same CPUs: what the guest checks (work.c), what its VMM checks of the host (host.c), and the
 * program that runs them (beside.c).
 *
 * Each guest has a seed, and all that it keeps says so: a wrong value names the guest that it is from. All use the same addresses.
 */
#ifndef BESIDE_H
#define BESIDE_H

#include "guest.h"
#include "vectors.h"
#include "vm.h"

#define SEEDS 32		/* from 1 */

/* Where a value of 64 bits has the seed (canonical, whatever follows), and one of 32. */
#define MARK(seed, round, k) ((u64)(seed) << 40 | ((u64)(round) & 0xffff) << 16 | (k))
#define MARK32(seed, round, k) ((u32)((seed) << 24 | ((round) & 0xff) << 16 | (k)))

/* Pages that the VMM drops after each round: the guest finds zeroes. */
#define FRESH_GPA 0x10000000ul
#define FRESH_PAGES 16u

/* What the VMM answers to a read of TEST_PORT and TEST_MMIO: the guest's last write to it, turned. */
#define TURNED(value, seed) (~(u32)(value) + (seed))

/* guest_report(ROUND, round, KERNEL_GS_BASE) ends each round. */
#define ROUND 1

/* The VMM sets it, for the next round: in QEMU XSETBV does not exit. */
#define XCR0(avx, seed, round) (((avx) && (((seed) + (round)) & 1)) ? 7 : 3)

/* The guest: never ends. */
void guest_works(u64 seed);
/* What it found that it cannot check here: bits of LEFT_*. */
extern volatile u64 guest_left_out;
#define LEFT_DEBUGCTL 1u
#define LEFT_SPEC_CTRL 2u
#define LEFT_TSC_AUX 4u
#define LEFT_AVX 8u
#define LEFT_PKRU 16u

/* Bounds of the loop that spins in the guest, before it runs */
extern volatile u64 guest_spins;

/* The host's own state, in a thread that runs a vCPU. */
struct host_state {
	u32 seed;
	bool xsave, avx, pku, rdtscp;
	u64 fs;
	int watch;		/* -1: none */
	volatile u64 watched;
	struct regs512 in, out;
};

void host_begin(struct host_state *h, u32 seed);
/* KVM_RUN between registers that are known; its result and errno as ioctl()'s. */
int host_run(struct host_state *h, int fd);
/* All that must still be as it was. */
void host_check(struct host_state *h);
/* MSRs of each CPU: saved to a file before anything was loaded, later compared with that. */
void host_save_msrs(const char *file);
void host_load_msrs(const char *file);
void host_check_msrs(void);
void host_check_all_msrs(void);

/* Failures of this thread name that. */
void name_thread(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
