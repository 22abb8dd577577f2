/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_LAYOUT_H
#define WARREN_CLI_LAYOUT_H

/*
 * Guest-physical addresses, bytes. What the launcher leaves below 640 KiB is read by the
 * kernel's first instructions and is free afterwards: the memory map calls it RAM.
 */
#define WR_LAYOUT_GDT		0x00000500ul
#define WR_LAYOUT_PVH_INFO	0x00006000ul
#define WR_LAYOUT_ZERO_PAGE	0x00007000ul
#define WR_LAYOUT_PAGE_TABLES	0x00009000ul	/* PML4, PDPT, four page directories */
#define WR_LAYOUT_CMDLINE	0x00020000ul
#define WR_LAYOUT_CMDLINE_END	0x00030000ul
#define WR_LAYOUT_EBDA		0x0009fc00ul	/* RAM ends here, for guests that look */
#define WR_LAYOUT_ACPI		0x000e0000ul	/* where a guest scans for the RSDP */
#define WR_LAYOUT_ACPI_END	0x00100000ul
#define WR_LAYOUT_HIGH_RAM	0x00100000ul

/* Below 4 GiB: RAM up to the hole, then the interrupt controllers and what KVM needs. */
#define WR_LAYOUT_HOLE		0xc0000000ul
#define WR_LAYOUT_IOAPIC	0xfec00000ul
#define WR_LAYOUT_LAPIC		0xfee00000ul
#define WR_LAYOUT_IDENTITY_MAP	0xfffbc000ul	/* one page, used on old Intel CPUs */
#define WR_LAYOUT_TSS		0xfffbd000ul	/* three pages, likewise */
#define WR_LAYOUT_4G		0x100000000ul

/* Ports that the launcher serves; the PIC, the PIT and port 0x61 are the kernel's. */
#define WR_PORT_I8042_COMMAND	0x0064
#define WR_PORT_CMOS		0x0070
#define WR_PORT_DEBUG_EXIT	0x00f4
#define WR_PORT_COM1		0x03f8
#define WR_PORT_PVPANIC		0x0505
#define WR_PORT_PM1_EVENT	0x0600
#define WR_PORT_PM1_CONTROL	0x0604
#define WR_PORT_RESET		0x0cf9

#define WR_GSI_COM1		4
#define WR_GSI_SCI		9

#endif
