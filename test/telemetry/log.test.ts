import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { readableLines } from '../../src/telemetry/log-lines.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { capturedLog } from '../support/log.ts'

test('a line is JSON with level, time, program, fields and sentence', () => {
  const { log, lines } = capturedLog()
  log.child({ link: 'shop/orders' }).warn({ host: 'a', count: 2 }, 'Host is out')
  const { time, ...rest } = lines[0] ?? assert.fail('nothing was logged')
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.deepEqual(rest, {
    level: 'warn',
    program: 'test',
    link: 'shop/orders',
    host: 'a',
    count: 2,
    msg: 'Host is out',
  })
})

test('lines below the level are not written', () => {
  const written: string[] = []
  const destination = { write: (line: string) => void written.push(line) }
  const log = createLog({ program: 'test', level: 'Warn', destination })
  log.info('no')
  log.error('yes')
  assert.equal(written.length, 1)
})

test('a level that is set anew holds from the next line on, for children too', () => {
  const written: string[] = []
  const destination = {
    write: (line: string) => void written.push((JSON.parse(line) as { msg: string }).msg),
  }
  const log = createLog({ program: 'test', level: 'Info', destination })
  const child = log.child({ link: 'shop/orders' })
  const say = (what: string): void => {
    log.debug(`debug ${what}`)
    child.debug(`debug ${what} of a child`)
    child.warn(`warn ${what} of a child`)
  }
  say('at Info')
  log.setLevel('Debug')
  say('at Debug')
  log.setLevel('Error')
  say('at Error')
  assert.deepEqual(written, [
    'warn at Info of a child',
    'debug at Debug',
    'debug at Debug of a child',
    'warn at Debug of a child',
  ])
})

test('the last line before an abrupt end is on stderr', () => {
  const program = `import { createLog } from ${JSON.stringify(join(import.meta.dirname, '../../src/telemetry/log.ts'))}
    createLog({ program: 'end', level: 'Info' }).error({ err: new Error('why') }, 'Last words')
    process.kill(process.pid, 'SIGKILL')`
  const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program])
  const line = JSON.parse(stderr.toString()) as { msg: string; err: { message: string } }
  assert.equal(line.msg, 'Last words')
  assert.equal(line.err.message, 'why')
  assert.equal(stdout.length, 0)
})

test('on a terminal a line is for people, and control characters of outsiders are taken out', () => {
  let screen = ''
  const terminal = readableLines({ write: (text) => (screen += text) })
  const log = createLog({ program: 'sender', level: 'Info', destination: terminal })
  log.info({ host: 'a\u001b[2Jb', n: 1, err: new Error('no\nway') }, 'Hello\u0007')
  assert.equal(
    screen.slice(12),
    ' \u001b[32mINFO \u001b[0m  sender  Hello   host=ab n=1 err="no\\nway"\n',
  )
})

test('of an error the log has name, code, message, stack and cause, not what else hangs on it', () => {
  const { log, lines } = capturedLog()
  const error = Object.assign(new TypeError('no', { cause: new Error('why') }), {
    code: 'E_NO',
    certificate: Buffer.alloc(1000),
  })
  log.error({ err: error }, 'It failed')
  log.error({ err: 'thrown as text' }, 'It failed')
  const { stack } = error
  assert.deepEqual(
    lines.map(({ err }) => err),
    [
      { name: 'TypeError', code: 'E_NO', message: 'no', stack, cause: 'why' },
      { message: 'thrown as text' },
    ],
  )
})
