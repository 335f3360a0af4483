/** docs/install.md: its commands do what they say. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

it('names the repository of every image of the plain manifests, quoted or not', () => {
  const page = readFileSync(new URL('../../docs/install.md', import.meta.url), 'utf8')
  const [, script] = /sed '([^']+)' deploy\/logstash-link\.yaml/.exec(page) ?? []
  assert.ok(script)
  const manifests = fileURLToPath(new URL('../../deploy/logstash-link.yaml', import.meta.url))
  const text = execFileSync('sed', [script, manifests], { encoding: 'utf8' })
  const images = [...text.matchAll(/image[:=][ "]*(\S*logstash-link:[\w.-]+)/g)]
  assert.equal(images.length, 2)
  for (const [, image = ''] of images) assert.match(image, /^REPOSITORY\/logstash-link:/)
})
