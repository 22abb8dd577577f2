// SPDX-License-Identifier: GPL-2.0-only
/*
 * Console output: a ring that vCPU threads fill and a thread of its own writes to standard
 * output, so that a reader that stalls holds back the guest's output but neither the main loop
 * nor, until the ring is full, the guest.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "output.h"
#include "stop.h"
#include "util.h"

#define RING 16384u			/* power of two */
#define ROOM 16u			/* what a guest writes without asking: its UART's FIFO */
#define GATHER_BELOW 4096u
#define GATHER_NS 2000000l		/* too short to see, long enough for a line */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work;		/* the ring is no longer empty */
	pthread_cond_t space;		/* the ring is no longer full */
	uint8_t ring[RING];
	unsigned int head, tail;	/* free running; head is where to fill */
	bool waiting;			/* the writer is asleep on @work */
	bool closed;
	bool dead;			/* nobody reads: throw output away */
	int wake_fd;			/* constant */
	void (*room)(void *device);	/* constant */
	void *device;			/* constant */
} output = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.space = PTHREAD_COND_INITIALIZER,
};

static unsigned int used(void)
{
	return output.head - output.tail;
}

bool wr_console_put(uint8_t byte)
{
	bool room;

	pthread_mutex_lock(&output.lock);
	while (used() == RING && !output.closed)
		pthread_cond_wait(&output.space, &output.lock);
	if (!output.closed) {
		output.ring[output.head++ % RING] = byte;
		if (output.waiting)
			pthread_cond_signal(&output.work);
	}
	room = RING - used() >= ROOM;
	pthread_mutex_unlock(&output.lock);
	return room;
}

bool wr_console_room(size_t len)
{
	bool room;

	pthread_mutex_lock(&output.lock);
	room = RING - used() >= len;
	pthread_mutex_unlock(&output.lock);
	return room;
}

bool wr_console_gone(void)
{
	bool gone;

	pthread_mutex_lock(&output.lock);
	gone = output.dead;
	pthread_mutex_unlock(&output.lock);
	return gone;
}

void wr_console_close(void)
{
	pthread_mutex_lock(&output.lock);
	output.closed = true;
	pthread_cond_broadcast(&output.space);
	pthread_cond_signal(&output.work);
	pthread_mutex_unlock(&output.lock);
}

bool wr_console_drained(void)
{
	bool drained;

	pthread_mutex_lock(&output.lock);
	drained = output.dead || used() == 0;
	pthread_mutex_unlock(&output.lock);
	return drained;
}

/* Whether anybody can still take output. */
static bool write_all(const uint8_t *buf, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, buf, len);

		if (n >= 0) {
			buf += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd pollfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

			poll(&pollfd, 1, -1);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* Called and returns with the lock held. */
static void write_some(void)
{
	unsigned int start = output.tail % RING;
	unsigned int len = used() < RING - start ? used() : RING - start;
	bool dead = output.dead;
	bool room;

	pthread_mutex_unlock(&output.lock);
	/* Safe without the lock: the bytes from tail on are the writer's until tail moves. */
	if (!dead)
		dead = !write_all(output.ring + start, len);
	pthread_mutex_lock(&output.lock);
	output.tail += len;
	output.dead = dead;
	pthread_cond_broadcast(&output.space);
	room = RING - used() >= ROOM;
	if (!room)
		return;
	pthread_mutex_unlock(&output.lock);
	output.room(output.device);
	pthread_mutex_lock(&output.lock);
}

static void gather(void)
{
	const struct timespec pause = { .tv_nsec = GATHER_NS };

	if (output.closed || used() >= GATHER_BELOW)
		return;
	pthread_mutex_unlock(&output.lock);
	nanosleep(&pause, NULL);
	pthread_mutex_lock(&output.lock);
}

static void *writer(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&output.lock);
	for (;;) {
		while (!used()) {
			if (output.closed)
				wr_wake(output.wake_fd);
			output.waiting = true;
			pthread_cond_wait(&output.work, &output.lock);
			output.waiting = false;
		}
		gather();
		write_some();
	}
	return NULL;
}

int wr_console_start(int wake_fd, void (*room)(void *device), void *device)
{
	pthread_t thread;
	int error;

	output.wake_fd = wake_fd;
	output.room = room;
	output.device = device;
	error = pthread_create(&thread, NULL, writer, NULL);
	if (error)
		return wr_error("cannot start a thread: %s", strerror(error));
	/* It may hang in write() for ever: the process ends without it. */
	pthread_detach(thread);
	wr_console_take_terminal();
	return 0;
}
