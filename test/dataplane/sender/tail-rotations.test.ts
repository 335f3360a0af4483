import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import test from 'node:test'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { rotations, type Rotation } from '../../support/log-writer.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, sequenceOf, startTestSender } from '../../support/senders.ts'

const writer = fileURLToPath(new URL('../../support/log-writer.ts', import.meta.url))
const count = 150_000
const rate = 50_000
const every = 45_000

const titles: Record<Rotation, string> = {
  rename: 'renamed out of the globs',
  renameLate: 'renamed out of the globs while the writer goes on with it for a while',
  renameMatching: 'renamed to a name that the globs take as well',
  copyTruncate: 'copied and truncated, with the copy among the globs',
  delete: 'deleted while the writer goes on with it for a while',
  gzip: 'renamed and compressed later, both among the globs',
  folder: 'in a folder that is replaced',
  symlink: 'behind a symlink that is switched',
}

/** What is counted of each. */
const kinds: Record<Rotation, string> = {
  rename: 'moved',
  renameLate: 'moved',
  renameMatching: 'renamed',
  copyTruncate: 'copied',
  delete: 'deleted',
  gzip: 'renamed',
  folder: 'moved',
  symlink: 'moved',
}

function rangesOf(numbers: readonly number[]): string {
  const [first] = numbers
  return first === undefined ? '' : `${numbers.length} from ${first} to ${numbers.at(-1)}`
}

for (const kind of Object.keys(rotations) as Rotation[]) {
  test(`no line is lost or comes twice at 50,000 a second of a file ${titles[kind]}`, async (t) => {
    const folder = testFolder(t)
    const receiver = await startTestReceiver(t)
    const sender = await startTestSender(t, [receiver.port], {
      collect: { stdin: false, files: { paths: [folder.path(rotations[kind].glob)] } },
    })
    const child = spawn(process.execPath, [
      ...[writer, folder.path('.'), kind],
      ...[String(count), String(rate), String(every)],
    ])
    t.after(() => child.kill('SIGKILL'))
    const [code] = (await once(child, 'exit')) as [number]
    assert.equal(code, 0)
    // A copy that was not known as one would be read later: it counts as unread until then.
    await eventually('all is read and safe', () => {
      assert.equal(rangesOf(missingOf(receiver.accepted, count)), '')
      const { files } = sender.status() as { files: { lag: number } }
      assert.equal(files.lag, 0)
    })
    assert.equal(receiver.accepted.length, new Set(sequenceOf(receiver.accepted)).size)
    const counted = await sender.metric('logstash_link_sender_file_rotations_total')
    const seen = kinds[kind]
    assert.match(counted, new RegExp(`kind="${seen}",?\\} ${Math.floor((count - 1) / every)}`))
  })
}
