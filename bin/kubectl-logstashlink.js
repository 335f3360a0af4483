#!/usr/bin/env node
// `kubectl logstashlink …`: status, unless the first argument names check, render or status. Plain JavaScript that an old
// Node can read, like bin/logstash-link.js beside it, whose work it does with another beginning.
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'
import { entry } from './entry.js'
import { isCurrent, runBundledNode } from './node.js'

const programs = ['status', 'check', 'render']
const given = process.argv.slice(2)
const args = programs.includes(given[0]) || given[0] === '--version' ? given : ['status', ...given]

if (isCurrent(process.versions.node)) {
  process.argv.splice(2, given.length, ...args)
  nodeModule.enableCompileCache?.()
  await import(entry())
} else {
  runBundledNode([fileURLToPath(new URL('logstash-link.js', import.meta.url)), ...args])
}
