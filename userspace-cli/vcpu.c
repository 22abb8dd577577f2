// SPDX-License-Identifier: GPL-2.0-only
/* A virtual CPU: its state at the start, and the thread that runs it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpuid.h"
#include "exit.h"
#include "util.h"
#include "vcpu.h"

#define MSR_MISC_ENABLE 0x1a0
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MISC_ENABLE_FAST_STRING 1
#define MTRR_ENABLED_WRITE_BACK 0x806

#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_MODE_EXTINT 0x700
#define APIC_MODE_NMI 0x400

#define CR0_PE 0x1
#define CR0_ET 0x10
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define EFER_LME_LMA 0x500
#define RFLAGS_FIXED 0x2

#define KICK_SIGNAL SIGUSR1

static int fail(const struct wr_vcpu *vcpu, const char *what)
{
	return wr_error("%s: %s for vCPU %u: %s", vcpu->vm->device, what, vcpu->index,
			strerror(errno));
}

static int set_cpuid(struct wr_vcpu *vcpu, unsigned int count)
{
	const struct wr_cpuid_place place = {
		.apic_id = vcpu->index,
		.count = count,
		.tsc_deadline = vcpu->vm->tsc_deadline,
	};
	struct kvm_cpuid2 *table = wr_cpuid_supported(vcpu->vm->sys_fd);
	int ret = 0;

	if (!table)
		return fail(vcpu, "KVM_GET_SUPPORTED_CPUID");
	wr_cpuid_adjust(table, &place);
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, table))
		ret = fail(vcpu, "KVM_SET_CPUID2");
	free(table);
	return ret;
}

static void set_msr(struct wr_vcpu *vcpu, __u32 index, __u64 data)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { { .nmsrs = 1 }, { .index = index, .data = data } };

	/* Firmware's settings, which guests like to find: a device may not know them. */
	ioctl(vcpu->fd, KVM_SET_MSRS, &msrs);
}

static int set_lapic(struct wr_vcpu *vcpu)
{
	struct kvm_lapic_state lapic;
	const __u32 lint0 = APIC_MODE_EXTINT, lint1 = APIC_MODE_NMI;

	/* Virtual wire: the PIC's interrupts and NMIs arrive before the guest sets up its APIC. */
	if (ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic))
		return fail(vcpu, "KVM_GET_LAPIC");
	memcpy(lapic.regs + APIC_LVT_LINT0, &lint0, sizeof(lint0));
	memcpy(lapic.regs + APIC_LVT_LINT1, &lint1, sizeof(lint1));
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic))
		return fail(vcpu, "KVM_SET_LAPIC");
	return 0;
}

int wr_vcpu_create(struct wr_vcpu *vcpu, const struct wr_vm *vm, unsigned int index,
		   unsigned int count)
{
	*vcpu = (struct wr_vcpu){ .vm = vm, .index = index };
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)index);
	if (vcpu->fd < 0)
		return fail(vcpu, "KVM_CREATE_VCPU");
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return fail(vcpu, "mmap");
	}
	if (set_cpuid(vcpu, count))
		return -1;
	set_msr(vcpu, MSR_MISC_ENABLE, MISC_ENABLE_FAST_STRING);
	set_msr(vcpu, MSR_MTRR_DEF_TYPE, MTRR_ENABLED_WRITE_BACK);
	return set_lapic(vcpu);
}

void wr_vcpu_destroy(struct wr_vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->vm->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->run = NULL;
	vcpu->fd = -1;
}

static void flat_segments(struct kvm_sregs *sregs, bool long_mode)
{
	const struct kvm_segment data = { .limit = 0xffffffff, .selector = WR_BOOT_DS, .type = 3,
					  .present = 1, .s = 1, .db = 1, .g = 1 };
	struct kvm_segment code = data;

	code.selector = WR_BOOT_CS;
	code.type = 0xb;
	code.l = long_mode;
	code.db = !long_mode;
	sregs->cs = code;
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->tr = (struct kvm_segment){ .limit = 0x67, .selector = WR_BOOT_TSS, .type = 0xb,
					  .present = 1 };
}

static void entry_sregs(struct kvm_sregs *sregs, const struct wr_boot_entry *entry)
{
	flat_segments(sregs, entry->long_mode);
	sregs->gdt.base = entry->gdt;
	sregs->gdt.limit = entry->gdt_limit;
	sregs->idt.base = 0;
	sregs->idt.limit = 0;
	sregs->cr0 = CR0_PE | CR0_ET;
	sregs->cr4 = 0;
	sregs->efer = 0;
	if (!entry->long_mode)
		return;
	sregs->cr0 |= CR0_PG;
	sregs->cr3 = entry->cr3;
	sregs->cr4 = CR4_PAE;
	sregs->efer = EFER_LME_LMA;
}

int wr_vcpu_set_entry(struct wr_vcpu *vcpu, const struct wr_boot_entry *entry)
{
	const struct kvm_regs regs = {
		.rip = entry->rip,
		.rbx = entry->rbx,
		.rsi = entry->rsi,
		.rflags = RFLAGS_FIXED,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return fail(vcpu, "KVM_GET_SREGS");
	entry_sregs(&sregs, entry);
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		return fail(vcpu, "KVM_SET_SREGS");
	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		return fail(vcpu, "KVM_SET_REGS");
	return 0;
}

static void *run_vcpu(void *arg)
{
	struct wr_vcpu *vcpu = arg;

	while (wr_stop_reason(vcpu->stop) == WR_STOP_NONE) {
		if (!ioctl(vcpu->fd, KVM_RUN, 0)) {
			wr_exit_handle(vcpu);
		} else if (errno != EINTR && errno != EAGAIN) {
			wr_stop_request(vcpu->stop, WR_STOP_CRASH, 0, "vCPU %u: KVM_RUN: %s",
					vcpu->index, strerror(errno));
		}
	}
	return NULL;
}

static void ignore_kick(int signal)
{
	(void)signal;
}

int wr_vcpu_start(struct wr_vcpu *vcpu)
{
	/* Without SA_RESTART: the signal is there to end KVM_RUN. */
	const struct sigaction action = { .sa_handler = ignore_kick };
	char name[16];
	int error;

	sigaction(KICK_SIGNAL, &action, NULL);
	error = pthread_create(&vcpu->thread, NULL, run_vcpu, vcpu);
	if (error)
		return wr_error("cannot start a thread for vCPU %u: %s", vcpu->index,
				strerror(error));
	snprintf(name, sizeof(name), "vcpu%u", vcpu->index);
	pthread_setname_np(vcpu->thread, name);
	vcpu->started = true;
	return 0;
}

void wr_vcpu_kick(struct wr_vcpu *vcpu)
{
	if (!vcpu->started)
		return;
	/* The flag for a thread about to enter the guest, the signal for one that is there. */
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}

void wr_vcpu_join(struct wr_vcpu *vcpu)
{
	if (!vcpu->started)
		return;
	pthread_join(vcpu->thread, NULL);
	vcpu->started = false;
}
