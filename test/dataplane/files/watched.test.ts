import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeable, fixed } from '../../../src/dataplane/files/watched.ts'

test('a fixed value stays', () => {
  const watched = fixed(3)
  watched.onChange(() => assert.fail('never called'))()
  assert.equal(watched.current, 3)
})

test('listeners hear of each change until they end it', () => {
  const watched = changeable('a')
  const heard: string[] = []
  const end = watched.onChange((value) => heard.push(`first ${value}`))
  watched.onChange((value) => heard.push(`second ${value}`))
  watched.set('b')
  end()
  watched.set('c')
  assert.equal(watched.current, 'c')
  assert.deepEqual(heard, ['first b', 'second b', 'second c'])
})
