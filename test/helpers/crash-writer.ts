import { join } from 'node:path'
import { pino } from 'pino'
import { Connection } from '../../src/storage/connection.ts'
import { Recorder } from '../../src/storage/recorder.ts'
import { TickQueue } from '../../src/storage/ticks/queue.ts'
import { postgresPlace } from './databases.ts'
import { MINUTE, tickAt } from './ticks.ts'

/*
 * A process that is made to be killed: it records one tick after the other, five minutes apart, and
 * prints the time of each when it is in the database. Arguments: data folder, time of the first
 * tick, URL of a Postgres database where it is not the embedded one.
 */

const [dataDir = '', firstMs = '0', url] = process.argv.slice(2)
const connection = new Connection(
  url === undefined ? { dataDir } : postgresPlace(url),
  pino({ level: 'silent' }),
)
const queue = new TickQueue(join(dataDir, 'queue'))
const log = pino({ level: 'silent' })
const recorder = new Recorder({ connection, queue, log, keepBodies: true })
await recorder.retry()
for (let atMs = Number(firstMs); ; atMs += 5 * MINUTE) {
  // Jams of all kinds, so that a lost or doubled tick shows in the sums.
  recorder.record(tickAt(atMs, { speedKmh: 10 + ((atMs / MINUTE) % 61) }))
  await recorder.settled()
  if (recorder.queued === 0 && recorder.fault === null) process.stdout.write(`${atMs}\n`)
}
