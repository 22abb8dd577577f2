// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's DSDT. dsdt.h holds these bytes, compiled; tests/cli checks that they agree.
 * After a change: iasl -p dsdt dsdt.asl && ./dsdt2h < dsdt.aml > dsdt.h
 */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "WARREN", "WARREN", 0x00000001)
{
    /* Soft off: what the guest writes to SLP_TYP of PM1a_CNT (pm.c). */
    Name (\_S5, Package (4) { 0x05, 0x00, 0x00, 0x00 })

    Scope (\_SB)
    {
        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, One)
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x03F8, 0x03F8, 0x01, 0x08)
                IRQNoFlags () {4}
            })
        }

        /* Tells the launcher that the guest panicked. */
        Device (PEVT)
        {
            Name (_HID, "QEMU0001")
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0505, 0x0505, 0x01, 0x01)
            })
        }
    }
}
