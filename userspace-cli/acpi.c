// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables: how the guest finds its CPUs and IOAPIC, how it powers off and resets.
 *
 * The machine is described as a PC without the parts that the launcher does not have, so that
 * a guest does not wait for them: no 8042, no VGA, no CMOS clock. It is not "hardware reduced":
 * the PIC, the PIT and the PM1a block are there and need no driver.
 */
#include <stddef.h>
#include <string.h>

#include "acpi.h"
#include "dsdt.h"
#include "layout.h"
#include "util.h"

struct __packed rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
};

struct __packed header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
};

struct __packed address {
	uint8_t space;
	uint8_t bits;
	uint8_t offset;
	uint8_t access;
	uint64_t at;
};

struct __packed fadt {
	struct header header;
	uint32_t facs;
	uint32_t dsdt;
	uint8_t reserved0;
	uint8_t profile;
	uint16_t sci;
	uint32_t smi_command;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control;
	uint32_t pm_timer, gpe0, gpe1;
	uint8_t pm1_event_len, pm1_control_len, pm2_control_len, pm_timer_len;
	uint8_t gpe0_len, gpe1_len, gpe1_base, cst;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct address reset;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor_revision;
	uint64_t x_facs;
	uint64_t x_dsdt;
	struct address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control;
	struct address x_pm2_control, x_pm_timer, x_gpe0, x_gpe1;
	struct address sleep_control, sleep_status;
	uint64_t hypervisor;
};

struct __packed facs {
	char signature[4];
	uint32_t length;
	uint32_t hardware_signature;
	uint32_t waking_vector;
	uint32_t global_lock;
	uint32_t flags;
	uint64_t x_waking_vector;
	uint8_t version;
	uint8_t reserved[31];
};

struct __packed madt {
	struct header header;
	uint32_t lapic;
	uint32_t flags;
};

struct __packed madt_lapic {
	uint8_t type, length, uid, apic_id;
	uint32_t flags;
};

struct __packed madt_ioapic {
	uint8_t type, length, id, reserved;
	uint32_t at;
	uint32_t gsi_base;
};

struct __packed madt_override {
	uint8_t type, length, bus, source;
	uint32_t gsi;
	uint16_t flags;
};

struct __packed madt_nmi {
	uint8_t type, length, uid;
	uint16_t flags;
	uint8_t lint;
};

_Static_assert(sizeof(struct rsdp) == 36, "RSDP");
_Static_assert(sizeof(struct header) == 36, "table header");
_Static_assert(sizeof(struct fadt) == 276, "FADT of ACPI 6");
_Static_assert(offsetof(struct fadt, flags) == 112, "FADT");
_Static_assert(offsetof(struct fadt, reset) == 116, "FADT");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "FADT");
_Static_assert(sizeof(struct facs) == 64, "FACS");
_Static_assert(sizeof(struct madt) == 44, "MADT");

#define OEM_ID { 'W', 'A', 'R', 'R', 'E', 'N' }

enum {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_NMI = 4,

	MADT_PCAT_COMPAT = 1,		/* there is a pair of 8259 */
	LAPIC_ENABLED = 1,
	INTI_ACTIVE_HIGH_LEVEL = 0xd,
	UID_ALL = 0xff,

	SPACE_IO = 1,
	PROFILE_DESKTOP = 1,
	ARCH_VGA_NOT_PRESENT = 1 << 2,
	ARCH_CMOS_RTC_NOT_PRESENT = 1 << 5,
	FADT_WBINVD = 1 << 0,
	FADT_PROC_C1 = 1 << 2,
	FADT_SLEEP_BUTTON_IS_CONTROL_METHOD = 1 << 5,
	FADT_RESET_REGISTER = 1 << 10,

	RESET_FULL = 0x06,
};

/* Tables are laid one after the other; pos is the next free guest-physical address. */
struct writer {
	const struct wr_memory *mem;
	uint64_t pos;
};

static uint8_t checksum(const void *data, size_t len)
{
	const uint8_t *byte = data;
	uint8_t sum = 0;

	while (len--)
		sum += *byte++;
	return (uint8_t)-sum;
}

static uint64_t put(struct writer *w, const void *data, size_t len)
{
	uint64_t at = w->pos;

	memcpy(wr_memory_at(w->mem, at, len), data, len);
	w->pos = (at + len + 63) & ~63ull;
	return at;
}

static uint64_t put_table(struct writer *w, void *table, size_t len)
{
	struct header *header = table;

	header->length = (uint32_t)len;
	header->checksum = 0;
	header->checksum = checksum(table, len);
	return put(w, table, len);
}

static struct header make_header(const char *signature, uint8_t revision)
{
	struct header header = {
		.revision = revision,
		.oem_id = OEM_ID,
		.oem_table_id = { 'W', 'A', 'R', 'R', 'E', 'N', ' ', ' ' },
		.oem_revision = 1,
		.creator_id = { 'W', 'R', 'N', ' ' },
		.creator_revision = 1,
	};

	memcpy(header.signature, signature, sizeof(header.signature));
	return header;
}

static struct address io_address(uint16_t port, uint8_t bytes)
{
	/* Access sizes: 1 is a byte, 2 a word, 3 a double word. */
	return (struct address){
		.space = SPACE_IO,
		.bits = bytes * 8,
		.access = bytes == 4 ? 3 : bytes,
		.at = port,
	};
}

static uint64_t put_facs(struct writer *w)
{
	struct facs facs = { .signature = { 'F', 'A', 'C', 'S' }, .length = sizeof(facs), .version = 2 };

	return put(w, &facs, sizeof(facs));
}

static uint64_t put_fadt(struct writer *w, uint64_t facs, uint64_t dsdt_at)
{
	struct fadt fadt = {
		.header = make_header("FACP", 6),
		.facs = (uint32_t)facs,
		.dsdt = (uint32_t)dsdt_at,
		.x_dsdt = dsdt_at,
		.profile = PROFILE_DESKTOP,
		.sci = WR_GSI_SCI,
		/* No SMI command: the machine is always in ACPI mode. */
		.pm1a_event = WR_PORT_PM1_EVENT,
		.pm1a_control = WR_PORT_PM1_CONTROL,
		.pm1_event_len = 4,
		.pm1_control_len = 2,
		.x_pm1a_event = io_address(WR_PORT_PM1_EVENT, 4),
		.x_pm1a_control = io_address(WR_PORT_PM1_CONTROL, 2),
		.c2_latency = 0xffff,
		.c3_latency = 0xffff,
		.boot_arch = ARCH_VGA_NOT_PRESENT | ARCH_CMOS_RTC_NOT_PRESENT,
		.flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLEEP_BUTTON_IS_CONTROL_METHOD |
			 FADT_RESET_REGISTER,
		.reset = io_address(WR_PORT_RESET, 1),
		.reset_value = RESET_FULL,
		.minor_revision = 3,
	};

	return put_table(w, &fadt, sizeof(fadt));
}

static void *append(uint8_t *buf, size_t *len, const void *entry, size_t size)
{
	memcpy(buf + *len, entry, size);
	*len += size;
	return buf;
}

static uint64_t put_madt(struct writer *w, unsigned int cpus)
{
	const struct madt madt = { make_header("APIC", 4), WR_LAYOUT_LAPIC, MADT_PCAT_COMPAT };
	const struct madt_ioapic ioapic = { MADT_IOAPIC, sizeof(ioapic), 0, 0,
					    WR_LAYOUT_IOAPIC, 0 };
	/* The kernel's interrupt routing is one to one, so only the SCI differs from ISA. */
	const struct madt_override sci = { MADT_OVERRIDE, sizeof(sci), 0, WR_GSI_SCI,
					   WR_GSI_SCI, INTI_ACTIVE_HIGH_LEVEL };
	const struct madt_nmi nmi = { MADT_LAPIC_NMI, sizeof(nmi), UID_ALL, 0, 1 };
	uint8_t buf[4096];
	size_t len = 0;
	unsigned int i;

	append(buf, &len, &madt, sizeof(madt));
	for (i = 0; i < cpus; i++) {
		const struct madt_lapic lapic = { MADT_LAPIC, sizeof(lapic), (uint8_t)i, (uint8_t)i,
						  LAPIC_ENABLED };

		append(buf, &len, &lapic, sizeof(lapic));
	}
	append(buf, &len, &ioapic, sizeof(ioapic));
	append(buf, &len, &sci, sizeof(sci));
	append(buf, &len, &nmi, sizeof(nmi));
	return put_table(w, buf, len);
}

static uint64_t put_xsdt(struct writer *w, uint64_t fadt, uint64_t madt)
{
	struct __packed {
		struct header header;
		uint64_t entry[2];
	} xsdt = { make_header("XSDT", 1), { fadt, madt } };

	return put_table(w, &xsdt, sizeof(xsdt));
}

uint64_t wr_acpi_put(const struct wr_memory *mem, unsigned int cpus)
{
	/* The RSDP comes first, where a guest without a boot protocol's pointer scans for it. */
	struct writer w = { mem, WR_LAYOUT_ACPI + 64 };
	struct rsdp rsdp = {
		.signature = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' },
		.oem_id = OEM_ID,
		.revision = 2,
		.length = sizeof(rsdp),
	};
	uint64_t dsdt_at = put(&w, dsdt, sizeof(dsdt));
	uint64_t facs = put_facs(&w);
	uint64_t fadt = put_fadt(&w, facs, dsdt_at);
	uint64_t madt = put_madt(&w, cpus);

	rsdp.xsdt = put_xsdt(&w, fadt, madt);
	rsdp.checksum = checksum(&rsdp, offsetof(struct rsdp, length));
	rsdp.extended_checksum = checksum(&rsdp, sizeof(rsdp));
	memcpy(wr_memory_at(mem, WR_LAYOUT_ACPI, sizeof(rsdp)), &rsdp, sizeof(rsdp));
	return WR_LAYOUT_ACPI;
}
