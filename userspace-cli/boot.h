/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_BOOT_H
#define WARREN_CLI_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"

/**
 * struct wr_boot_entry - state of the boot CPU at the kernel's first instruction
 * @long_mode: 64-bit mode with paging on, else 32-bit protected mode with paging off
 * @rip: where to start
 * @rbx: the PVH protocol's argument
 * @rsi: the Linux protocol's argument
 * @cr3: page table root, in long mode
 * @gdt: guest-physical address of the descriptor table
 * @gdt_limit: its last byte
 */
struct wr_boot_entry {
	bool long_mode;
	uint64_t rip;
	uint64_t rbx;
	uint64_t rsi;
	uint64_t cr3;
	uint64_t gdt;
	uint16_t gdt_limit;
};

/* Selectors in that table, as the Linux boot protocol numbers them. */
#define WR_BOOT_CS 0x10
#define WR_BOOT_DS 0x18
#define WR_BOOT_TSS 0x20

/**
 * struct wr_boot - what to boot, and what came of it
 * @kernel: path
 * @initrd: path, or NULL
 * @cmdline: kernel command line
 * @rsdp: guest-physical address of the ACPI root pointer
 * @mem: RAM to load into
 * @entry: result
 */
struct wr_boot {
	const char *kernel;
	const char *initrd;
	const char *cmdline;
	uint64_t rsdp;
	const struct wr_memory *mem;
	struct wr_boot_entry entry;
};

/**
 * struct wr_boot_loader - one kernel format
 * @name: for messages
 * @probe: whether the first bytes of a file look like this format
 * @load: loads kernel, initrd, command line and tables, fills in the entry; 0 or -1 after a message
 */
struct wr_boot_loader {
	const char *name;
	bool (*probe)(const uint8_t *head, size_t len);
	int (*load)(struct wr_boot *boot, int fd, uint64_t file_size);
};

extern const struct wr_boot_loader wr_boot_bzimage;
extern const struct wr_boot_loader wr_boot_pvh;

/* Bytes of a kernel file that a probe may look at. */
#define WR_BOOT_HEAD 4096

/**
 * wr_boot_load() - find out the format of the kernel and load it
 * @boot: paths and memory in, entry out
 *
 * Return: 0, or -1 after an error message.
 */
int wr_boot_load(struct wr_boot *boot);

/* For the loaders: */

/**
 * wr_boot_read() - read a part of a file into guest memory
 * @boot: for the memory and messages
 * @fd: the file
 * @offset: place in the file
 * @gpa: where to
 * @len: bytes
 *
 * Return: 0, or -1 after an error message.
 */
int wr_boot_read(const struct wr_boot *boot, int fd, uint64_t offset, uint64_t gpa, uint64_t len);

/**
 * wr_boot_put_cmdline() - put the command line at WR_LAYOUT_CMDLINE
 * @boot: for the line and memory
 * @max: longest that the kernel takes, without the final NUL
 *
 * Return: 0, or -1 after an error message.
 */
int wr_boot_put_cmdline(const struct wr_boot *boot, size_t max);

/**
 * wr_boot_put_initrd() - put the initrd as high in low RAM as the kernel allows
 * @boot: for the path and memory
 * @floor: first address that the kernel leaves free
 * @ceiling: first address that the initrd may not use
 * @start: where it went
 * @size: bytes, 0 if there is none
 *
 * Return: 0, or -1 after an error message.
 */
int wr_boot_put_initrd(const struct wr_boot *boot, uint64_t floor, uint64_t ceiling,
		       uint64_t *start, uint64_t *size);

/**
 * wr_boot_put_gdt() - put a descriptor table with the flat segments of the boot protocols
 * @boot: its entry gets the table's address, its @long_mode says which code segment
 */
void wr_boot_put_gdt(struct wr_boot *boot);

#endif
