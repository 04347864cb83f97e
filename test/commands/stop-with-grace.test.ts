import { pino } from 'pino'
import t from 'tap'
import { stopWithGrace } from '../../src/commands/stop-with-grace.ts'

t.test('a stop that breaks ends the process with 1, and the log says why', async (t) => {
  const lines: string[] = []
  const exited = Promise.withResolvers<number>()
  let signal = (): void => {}
  stopWithGrace({
    drain() {},
    close: () => Promise.reject(new Error('a bug')),
    waitMs: () => 0,
    // Only the bound of the stop is never reached.
    clock: { now: () => 0, sleep: (ms) => (ms === 0 ? Promise.resolve() : new Promise(() => {})) },
    log: pino({}, { write: (line) => lines.push(line) }),
    onSignal(name, told) {
      if (name === 'SIGTERM') signal = told
    },
    onError() {},
    exit: exited.resolve,
  })
  signal()
  t.equal(await exited.promise, 1)
  t.match(JSON.parse(lines.at(-1) ?? '{}'), {
    level: 60,
    msg: 'the stop broke',
    err: { message: 'a bug' },
  })
})
