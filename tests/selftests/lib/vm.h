/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual machines for tests: creation, guest memory, the three CPU modes, running, and the host's
 * half of the calls that guests make (guest.h is theirs). Each function fails the test itself
 * when something that must work does not, unless it says otherwise.
 */
#ifndef SELFTESTS_VM_H
#define SELFTESTS_VM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "../harness.h"

#define PAGE 4096ul
#define MiB (1ul << 20)
#define PAGE_2M (2 * MiB)

/* Where the library puts things in guest memory. */
#define GPA_GDT 0x1000
#define GPA_IDT 0x2000
#define GPA_TSS 0x3000
#define GPA_CODE 0x8000		/* assembly blobs */
#define GPA_PML4 0x10000	/* PML4, PDPT and four PDs, identity-mapping 4 GiB */
#define GPA_STACKS 0x100000	/* 16 KiB for each of 64 vCPUs */
#define GPA_IMAGE 0x400000	/* this program, for guest code in C: address == gpa */
#define VM_MEMORY (8 * MiB)
#define STACK_SIZE 0x4000

/* Ports and addresses that no in-kernel device has. */
#define TEST_PORT 0x5000
#define TEST_MMIO 0xd0000000u

#define SLOT_MAIN 0
#define SLOT_TEST 8		/* first slot that tests may use as they like */

struct vm {
	int dev;
	int fd;
	u8 *mem;		/* VM_MEMORY bytes from gpa 0 */
	bool image;		/* guest memory holds the program */
};

struct vcpu {
	int fd;
	u32 id;
	size_t run_size;
	struct kvm_run *run;
	struct vm *vm;
	pthread_t thread;
};

/* A call that a guest made: see guest.h. */
struct ucall {
	u32 cmd;
	u64 a, b, c;
};

const char *device_path(void);
/* True when the device under test is stock KVM, the reference. */
bool is_kvm(void);
/* True when QEMU emulates the host's CPU. */
bool host_is_tcg(void);
/* It reports an INT n, whose delivery an exit interrupted, as an interrupt; and ends when an exit leaves virtual-8086 mode. */
bool host_is_bochs_svm(void);
/* The host was started with paging=shadow; what the module does by itself on another CPU is not asked here. */
bool host_has_shadow(void);
/* True when the CPU runs neither real mode nor protected mode without paging: Warren on VT-x without unrestricted guests. */
bool host_is_restricted(void);
/* All of text, by one write(2): what sysfs and procfs ask for. */
bool write_file(const char *path, const char *text);
/* Have instructions emulated that stand behind FORCED, until told otherwise. False: that cannot be. */
bool force_emulation(bool on);
#define FORCED "ud2\n .ascii \"kvm\"\n "
int open_device(void);
int check_ext(int fd, u32 cap);
/* Skips the test unless cap is there. */
void need_ext(u32 cap);

/* A VM without memory, and one with VM_MEMORY at 0. */
/* KVM_CREATE_VM, again when a signal interrupts it; result and errno are the caller's to check. */
int vm_create(int dev);
void vm_init_bare(struct vm *vm);
void vm_init(struct vm *vm);
void vm_irqchip(struct vm *vm);
void vm_free(struct vm *vm);

/* Plain anonymous memory of the host, size bytes, aligned to align. */
void *host_alloc(size_t size, size_t align);
/* The raw ioctl: result and errno are the caller's to check. */
int set_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva);
/* Anonymous memory in a slot of its own; returns its host address. */
void *vm_add_mem(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size);
void vm_write(struct vm *vm, u64 gpa, const void *p, size_t n);

/* The guest's copy of a variable of this program. */
void *vm_var(struct vm *vm, const volatile void *p);
#define GUEST_VAR(vm, x) (*(volatile __typeof__(x) *)vm_var(vm, &(x)))

void vcpu_init(struct vcpu *v, struct vm *vm, u32 id);
void vcpu_free(struct vcpu *v);
/* KVM_SET_CPUID2 with all that KVM_GET_SUPPORTED_CPUID offers, APIC id = vCPU id. */
void vcpu_cpuid(struct vcpu *v);
/* Then: the TSC deadline timer, which KVM_GET_SUPPORTED_CPUID leaves out. */
void vcpu_add_deadline(struct vcpu *v);

void get_regs(struct vcpu *v, struct kvm_regs *r);
void set_regs(struct vcpu *v, const struct kvm_regs *r);
void get_sregs(struct vcpu *v, struct kvm_sregs *s);
void set_sregs(struct vcpu *v, const struct kvm_sregs *s);
/* KVM_GET/SET_MSRS of one: set returns the ioctl's result. */
u64 get_msr(struct vcpu *v, u32 index);
int set_msr(struct vcpu *v, u32 index, u64 value);

/* Real mode, flat segments, CS:IP = 0:ip, stack below 0x8000. */
void vcpu_real(struct vcpu *v, u16 ip);
/* 32-bit protected mode, flat, no paging. */
void vcpu_prot(struct vcpu *v, u32 eip);
/* 64-bit mode, identity-mapped 4 GiB, IDT and stack ready, SSE on: runs fn(arg). */
void vcpu_long(struct vcpu *v, void (*fn)(u64 arg), u64 arg);
/* The same registers, but code at rip (a blob). */
void vcpu_long_at(struct vcpu *v, u64 rip);

/* Assembly blobs: BLOB16(name, "...") defines name and name_end, assembled for GPA_CODE. */
#define BLOB(name, mode, text)						\
	extern const u8 name[], name##_end[];				\
	asm(".pushsection .rodata\n.code" mode "\n.balign 16\n"	\
	    #name ":\n.set base, " #name " - 0x8000\n" text "\n" #name "_end:\n"	\
	    ".code64\n.popsection\n")
#define BLOB16(name, text) BLOB(name, "16", text)
#define BLOB32(name, text) BLOB(name, "32", text)
#define BLOB64(name, text) BLOB(name, "64", text)
#define LOAD(vm, name) vm_write(vm, GPA_CODE, name, (size_t)(name##_end - name))

/* KVM_RUN as it is; result and errno are the caller's. */
int vcpu_run_raw(struct vcpu *v);
/*
 * Runs until an exit that is not a signal's, and not the EAGAIN by which a vCPU that waited for
 * INIT or SIPI says that it is ready now; returns exit_reason.
 */
u32 vcpu_run(struct vcpu *v);
void expect_exit(struct vcpu *v, u32 reason, const char *file, int line);
#define EXPECT_EXIT(v, reason) expect_exit(v, reason, __FILE__, __LINE__)
/* Runs to an exit by port I/O of one access; returns the data's address. */
void *expect_io(struct vcpu *v, int dir, u16 port, u8 size, const char *file, int line);
#define EXPECT_IO(v, dir, port, size) expect_io(v, dir, port, size, __FILE__, __LINE__)
/* Runs to an MMIO exit. */
void expect_mmio(struct vcpu *v, u64 gpa, u8 len, bool write, const char *file, int line);
#define EXPECT_MMIO(v, gpa, len, write) expect_mmio(v, gpa, len, write, __FILE__, __LINE__)
/* Runs to the guest's next call; a guest's failed check fails the test here. */
struct ucall vcpu_ucall(struct vcpu *v);
/* Runs to guest_done(), or to guest_sync(stage). */
void expect_done(struct vcpu *v, const char *file, int line);
struct ucall expect_sync(struct vcpu *v, u64 stage, const char *file, int line);
#define EXPECT_DONE(v) expect_done(v, __FILE__, __LINE__)
#define EXPECT_SYNC(v, stage) expect_sync(v, stage, __FILE__, __LINE__)

/* A thread that runs the vCPU to guest_done(); calls of guest_sync() are passed over. */
void vcpu_start(struct vcpu *v);
void vcpu_join(struct vcpu *v);

/* "exit 5 (...) rip ..." for a failure's message; static storage. */
const char *vcpu_describe(struct vcpu *v);

/* Runs fn in a child; true when it ended with status 0 (fn's failed checks count). */
bool in_child(void (*fn)(void *), void *arg);
/* Nanoseconds of CLOCK_MONOTONIC; sleeping. */
u64 now_ns(void);
void sleep_ms(u32 ms);
/* A signal that interrupts KVM_RUN without SA_RESTART: SIGUSR1 gets an empty handler. */
void install_kick(void);
/* Kicks the thread until it has ended, and joins it: one kick alone may come before its KVM_RUN does. */
void kick_and_join(pthread_t t, void **result);
/* KVM_RUN ends by SIGALRM after so long, and again each time. */
void alarm_every(u32 ms);

#endif
