/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From an emulator's BIOS to a kernel that the emulator has put into memory already: no disk, no
 * boot loader, and not the half minute that an emulated CPU takes to unpack a bzImage.
 *
 * The option ROM is called by the BIOS once all else is set up, and enters the bzImage's own setup
 * code in real mode, as a boot loader would. That asks the BIOS about memory, enters protected mode
 * and jumps to its code32_start: here, where the self-extractor would be. What remains to be done of
 * its work is the way to the 64-bit entry of the unpacked kernel. All addresses are physical.
 */

#define SETUP_SEGMENT	0x1000			/* the bzImage's setup code */
#define HEAP_END	0xe000			/* its heap and stack, as the boot protocol suggests */
#define ROM_BLOCKS	1			/* of 512 bytes */
#define PAGE_TABLES	0x30000
#define TABLE_ENTRIES	512
#define PTE_TABLE	0x003			/* present, writable */
#define PTE_2M		0x083			/* and a leaf */
#define CR4_PAE		0x020
#define EFER		0xc0000080
#define EFER_LME	0x100
#define CR0_PG		0x80000000

	.section .rom, "ax"
	.code16
	.word	0xaa55
	.byte	ROM_BLOCKS
	cli
	cld
	movw	$SETUP_SEGMENT, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %fs
	movw	%ax, %gs
	movw	%ax, %ss
	movl	$HEAP_END, %esp
	ljmp	$(SETUP_SEGMENT + 0x20), $0
	.org	512 * ROM_BLOCKS - 1
	.byte	ROM_CHECKSUM			/* all bytes add up to 0 */

	/* The setup code, with what a boot loader fills in. */
	.macro	setup_until offset
	.incbin	"setup.bin", (. - setup), \offset - (. - setup)
	.endm
	.section .setup, "a"
setup:
	setup_until 0x210
	.byte	0xff				/* type_of_loader: none that is known */
	.byte	0x81				/* loadflags: loaded high, there is a heap */
	setup_until 0x214
	.long	stub				/* code32_start */
	.long	INITRD, INITRD_SIZE		/* ramdisk_image, ramdisk_size */
	setup_until 0x224
	.word	HEAP_END - 0x200		/* heap_end_ptr */
	setup_until 0x228
	.long	command_line			/* cmd_line_ptr */
	.incbin	"setup.bin", 0x22c

	/* %esi: boot parameters, for the kernel. Flat segments, interrupts off. */
	.section .stub, "ax"
	.code32
stub:	cld
	movl	$PAGE_TABLES, %edi		/* PML4, PDPT, four directories: 4 GiB, one to one */
	xorl	%eax, %eax
	movl	$(6 * 4096 / 4), %ecx
	rep stosl
	movl	$(PAGE_TABLES + 0x1000 + PTE_TABLE), PAGE_TABLES
	movl	$(PAGE_TABLES + 0x1000), %edi
	movl	$(PAGE_TABLES + 0x2000 + PTE_TABLE), %eax
1:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$0x1000, %eax
	cmpl	$(PAGE_TABLES + 0x6000 + PTE_TABLE), %eax
	jne	1b
	movl	$(PAGE_TABLES + 0x2000), %edi
	movl	$PTE_2M, %eax
	movl	$(4 * TABLE_ENTRIES), %ecx
2:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$0x200000, %eax
	loop	2b

	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PAGE_TABLES, %eax
	movl	%eax, %cr3
	movl	$EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	lgdt	gdt_register
	movl	%cr0, %eax
	orl	$CR0_PG, %eax
	movl	%eax, %cr0
	ljmp	$0x10, $long_mode

	.code64
long_mode:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$KERNEL_ENTRY, %eax
	jmp	*%rax

	.balign	8
gdt:	.quad	0, 0
	.quad	0x00af9a000000ffff		/* 0x10: 64-bit code */
	.quad	0x00cf92000000ffff		/* 0x18: data */
gdt_register:
	.word	. - gdt - 1
	.long	gdt
command_line:
	.incbin	"cmdline"
	.byte	0
