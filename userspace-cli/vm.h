/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_VM_H
#define WARREN_CLI_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"

#define WR_DEVICE_DEFAULT "/dev/warren"

/* More need APIC ids of more than eight bits. */
#define WR_CPUS_MAX 254

/**
 * struct wr_vm - an open hypervisor device and one VM on it
 * @device: path of the node, for messages
 * @sys_fd: the device
 * @fd: the VM
 * @run_size: bytes of the area shared with each vCPU
 * @tsc_deadline: the in-kernel local APIC has the TSC deadline timer
 */
struct wr_vm {
	const char *device;
	int sys_fd;
	int fd;
	size_t run_size;
	bool tsc_deadline;
};

/**
 * wr_vm_open() - open the device and check that it can do what the launcher needs
 * @vm: filled in; wr_vm_close() must follow, also after failure
 * @device: path of the node
 *
 * Return: 0, or -1 after an error message.
 */
int wr_vm_open(struct wr_vm *vm, const char *device);

/**
 * wr_vm_close() - close what is open; the kernel frees the VM with its last fd
 * @vm: as left by wr_vm_open()
 */
void wr_vm_close(struct wr_vm *vm);

/**
 * wr_vm_missing_caps() - which capabilities that the launcher needs a device lacks
 * @sys_fd: the device
 * @names: filled in, separated by ", "
 * @size: of @names
 *
 * Return: how many.
 */
unsigned int wr_vm_missing_caps(int sys_fd, char *names, size_t size);

/**
 * wr_vm_max_cpus() - how many vCPUs the device and the launcher allow
 * @vm: open
 *
 * Return: at least 1.
 */
unsigned int wr_vm_max_cpus(const struct wr_vm *vm);

/**
 * wr_vm_create() - make the VM with interrupt controllers, timer and memory
 * @vm: open
 * @mem: the RAM; must outlive the VM
 *
 * Return: 0, or -1 after an error message.
 */
int wr_vm_create(struct wr_vm *vm, const struct wr_memory *mem);

/**
 * wr_vm_id() - the number by which the kernel and its other users know the VM
 * @vm: created
 *
 * Return: the number, 0 if there is none: KVM has no such thing.
 */
uint32_t wr_vm_id(const struct wr_vm *vm);

/**
 * wr_vm_report() - tell those who listen to events what the guest did; on KVM, nobody
 * @vm: created
 * @what: enum warren_report_what
 */
void wr_vm_report(const struct wr_vm *vm, unsigned int what);

/**
 * wr_vm_irq_line() - set the level of an interrupt line; any thread
 * @vm: created
 * @gsi: global system interrupt
 * @level: asserted or not
 */
void wr_vm_irq_line(const struct wr_vm *vm, unsigned int gsi, bool level);

#endif
