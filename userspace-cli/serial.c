// SPDX-License-Identifier: GPL-2.0-only
/* A 16550A UART, as far as software can see it. Bytes take no time on the line. */
#include <linux/serial_reg.h>
#include <string.h>

#include "serial.h"

#define IER_BITS (UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define MCR_BITS (UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | UART_MCR_OUT2 | UART_MCR_LOOP)
#define MSR_CONNECTED (UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)
#define IIR_FIFO_ENABLED 0xc0

static uint8_t interrupt_id(const struct wr_serial *serial)
{
	if ((serial->ier & UART_IER_RDI) && serial->rx_len)
		return UART_IIR_RDI;
	if ((serial->ier & UART_IER_THRI) && serial->thre && serial->thre_pending)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void update_irq(struct wr_serial *serial)
{
	/* OUT2 gates the interrupt on a PC, but some drivers do not set it: do not insist. */
	bool level = interrupt_id(serial) != UART_IIR_NO_INT && !(serial->mcr & UART_MCR_LOOP);

	if (level == serial->irq_level)
		return;
	serial->irq_level = level;
	serial->line.irq(serial->line.arg, level);
}

static void rx_push(struct wr_serial *serial, uint8_t byte)
{
	if (serial->rx_len == WR_SERIAL_FIFO)
		return;
	serial->rx[(serial->rx_at + serial->rx_len++) % WR_SERIAL_FIFO] = byte;
}

/*
 * Whether the guest means to receive. If not, it sees an empty FIFO and cannot clear it: a driver
 * that probes the chip switches the interrupt on for a moment, in which input may arrive that it
 * would then throw away.
 */
static bool listening(const struct wr_serial *serial)
{
	return (serial->ier & UART_IER_RDI) || (serial->mcr & UART_MCR_LOOP);
}

static uint8_t rx_pop(struct wr_serial *serial)
{
	uint8_t byte = serial->rx[serial->rx_at];

	if (!serial->rx_len || !listening(serial))
		return 0;
	serial->rx_at = (serial->rx_at + 1) % WR_SERIAL_FIFO;
	if (--serial->rx_len == 0)
		serial->line.rx_room(serial->line.arg);
	return byte;
}

static uint8_t read_iir(struct wr_serial *serial)
{
	uint8_t id;

	if (serial->thre_owed && serial->thre)
		serial->thre_pending = true;
	id = interrupt_id(serial);
	/* Reading it acknowledges the transmitter's interrupt, if that is what it names. */
	if (id == UART_IIR_THRI) {
		serial->thre_pending = false;
		serial->thre_owed = false;
	}
	return id | (serial->fcr & UART_FCR_ENABLE_FIFO ? IIR_FIFO_ENABLED : 0);
}

static uint8_t read_lsr(const struct wr_serial *serial)
{
	return (serial->rx_len && listening(serial) ? UART_LSR_DR : 0) |
	       (serial->thre ? UART_LSR_THRE | UART_LSR_TEMT : 0);
}

static uint8_t read_msr(const struct wr_serial *serial)
{
	uint8_t msr = 0;

	if (!(serial->mcr & UART_MCR_LOOP))
		return MSR_CONNECTED;
	/* Looped back, the outputs are wired to the inputs. */
	if (serial->mcr & UART_MCR_RTS)
		msr |= UART_MSR_CTS;
	if (serial->mcr & UART_MCR_DTR)
		msr |= UART_MSR_DSR;
	if (serial->mcr & UART_MCR_OUT1)
		msr |= UART_MSR_RI;
	if (serial->mcr & UART_MCR_OUT2)
		msr |= UART_MSR_DCD;
	return msr;
}

static uint8_t read_register(struct wr_serial *serial, uint16_t offset)
{
	bool dlab = serial->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_RX:
		return dlab ? serial->dll : rx_pop(serial);
	case UART_IER:
		return dlab ? serial->dlm : serial->ier;
	case UART_IIR:
		return read_iir(serial);
	case UART_LCR:
		return serial->lcr;
	case UART_MCR:
		return serial->mcr;
	case UART_LSR:
		return read_lsr(serial);
	case UART_MSR:
		return read_msr(serial);
	default:
		return serial->scr;
	}
}

static uint8_t port_in(void *device, uint16_t offset)
{
	struct wr_serial *serial = device;
	uint8_t value;

	pthread_mutex_lock(&serial->lock);
	value = read_register(serial, offset);
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
	return value;
}

static void transmit(struct wr_serial *serial, uint8_t byte)
{
	bool room;

	if (serial->mcr & UART_MCR_LOOP) {
		rx_push(serial, byte);
		serial->thre_pending = true;
		return;
	}
	serial->thre = false;
	serial->thre_pending = false;
	serial->thre_owed = true;
	update_irq(serial);
	/* The line may block: nobody else may have to wait for that with the lock. */
	pthread_mutex_unlock(&serial->lock);
	room = serial->line.put(serial->line.arg, byte);
	pthread_mutex_lock(&serial->lock);
	if (room)
		serial->thre = true;
}

static void write_ier(struct wr_serial *serial, uint8_t value)
{
	uint8_t old = serial->ier;

	serial->ier = value & IER_BITS;
	/* Enabling the interrupt of an idle transmitter raises it: drivers start sending so. */
	if (!(old & UART_IER_THRI) && (serial->ier & UART_IER_THRI) && serial->thre)
		serial->thre_pending = true;
	if (!(old & UART_IER_RDI) && (serial->ier & UART_IER_RDI))
		serial->line.rx_room(serial->line.arg);
}

static void write_fcr(struct wr_serial *serial, uint8_t value)
{
	/*
	 * Switching the FIFO on empties it on a real chip. Linux enables the receive interrupt before
	 * it does that, and a byte of input that came between would be lost: keep it.
	 */
	if ((value & UART_FCR_CLEAR_RCVR) && serial->rx_len && listening(serial)) {
		serial->rx_len = 0;
		serial->line.rx_room(serial->line.arg);
	}
	serial->fcr = value & (UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_MASK);
}

static void write_register(struct wr_serial *serial, uint16_t offset, uint8_t value)
{
	bool dlab = serial->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_TX:
		if (dlab)
			serial->dll = value;
		else
			transmit(serial, value);
		break;
	case UART_IER:
		if (dlab)
			serial->dlm = value;
		else
			write_ier(serial, value);
		break;
	case UART_FCR:
		write_fcr(serial, value);
		break;
	case UART_LCR:
		serial->lcr = value;
		break;
	case UART_MCR:
		serial->mcr = value & MCR_BITS;
		break;
	case UART_SCR:
		serial->scr = value;
		break;
	default:
		break;		/* the status registers are read-only */
	}
}

static void port_out(void *device, uint16_t offset, uint8_t value)
{
	struct wr_serial *serial = device;

	pthread_mutex_lock(&serial->lock);
	write_register(serial, offset, value);
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
}

void wr_serial_init(struct wr_serial *serial, const struct wr_serial_line *line,
		    struct wr_ports *ports, uint16_t base)
{
	memset(serial, 0, sizeof(*serial));
	pthread_mutex_init(&serial->lock, NULL);
	serial->line = *line;
	serial->thre = true;
	serial->dll = 1;
	serial->lcr = UART_LCR_WLEN8;
	serial->mcr = UART_MCR_OUT2;
	wr_ports_add(ports, &(struct wr_port_range){
		.base = base, .len = 8, .in = port_in, .out = port_out, .device = serial });
}

size_t wr_serial_rx_room(struct wr_serial *serial)
{
	size_t limit, room = 0;

	pthread_mutex_lock(&serial->lock);
	limit = serial->fcr & UART_FCR_ENABLE_FIFO ? WR_SERIAL_FIFO : 1;
	if ((serial->ier & UART_IER_RDI) && !(serial->mcr & UART_MCR_LOOP) &&
	    serial->rx_len < limit)
		room = limit - serial->rx_len;
	pthread_mutex_unlock(&serial->lock);
	return room;
}

void wr_serial_receive(struct wr_serial *serial, const uint8_t *buf, size_t len)
{
	pthread_mutex_lock(&serial->lock);
	while (len--)
		rx_push(serial, *buf++);
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
}

void wr_serial_room(struct wr_serial *serial)
{
	pthread_mutex_lock(&serial->lock);
	serial->thre = true;
	if (serial->thre_owed)
		serial->thre_pending = true;
	serial->thre_owed = false;
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
}
