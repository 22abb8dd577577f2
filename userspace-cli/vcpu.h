/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_VCPU_H
#define WARREN_CLI_VCPU_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>

#include "boot.h"
#include "ports.h"
#include "stop.h"
#include "vm.h"

/**
 * struct wr_vcpu - one virtual CPU and the thread that runs it
 * @fd: the vCPU
 * @index: its number, also its APIC id
 * @run: area shared with the kernel
 * @vm: its VM
 * @ports: where port accesses go
 * @stop: how it ends the machine
 * @thread: runs it, if @started
 * @started: there is a thread to join
 */
struct wr_vcpu {
	int fd;
	unsigned int index;
	struct kvm_run *run;
	const struct wr_vm *vm;
	const struct wr_ports *ports;
	struct wr_stop *stop;
	pthread_t thread;
	bool started;
};

/**
 * wr_vcpu_create() - make vCPU number @index with CPUID, MSRs and local APIC as firmware would
 * @vcpu: filled in; wr_vcpu_destroy() must follow, also after failure
 * @vm: created VM
 * @index: its number
 * @count: how many there will be
 *
 * Return: 0, or -1 after an error message.
 */
int wr_vcpu_create(struct wr_vcpu *vcpu, const struct wr_vm *vm, unsigned int index,
		   unsigned int count);

/**
 * wr_vcpu_destroy() - close the vCPU; its thread must have been joined
 * @vcpu: as left by wr_vcpu_create()
 */
void wr_vcpu_destroy(struct wr_vcpu *vcpu);

/**
 * wr_vcpu_set_entry() - give the boot CPU the state that the boot protocol asks for
 * @vcpu: not running
 * @entry: the state
 *
 * Return: 0, or -1 after an error message.
 */
int wr_vcpu_set_entry(struct wr_vcpu *vcpu, const struct wr_boot_entry *entry);

/**
 * wr_vcpu_start() - start the thread; @ports and @stop must be set
 * @vcpu: created
 *
 * Return: 0, or -1 after an error message.
 */
int wr_vcpu_start(struct wr_vcpu *vcpu);

/**
 * wr_vcpu_kick() - make the thread leave the guest for good and look at the stop request
 * @vcpu: may be running
 */
void wr_vcpu_kick(struct wr_vcpu *vcpu);

/**
 * wr_vcpu_join() - wait for the thread to end
 * @vcpu: kicked after a stop request
 */
void wr_vcpu_join(struct wr_vcpu *vcpu);

#endif
