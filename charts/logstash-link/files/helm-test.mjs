// What `helm test` runs: /readyz must be 200, and the webhook must answer a dry-run review of a pod, with a certificate
// that verifies against the authority in its Secret, for the name by which the API server calls it.
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { request } from 'node:https'

const { READY_URL, WEBHOOK_URL, CA_FILE } = process.env
const uid = 'helm-test'
const review = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid,
    dryRun: true,
    operation: 'CREATE',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'default',
    userInfo: { username: 'helm-test' },
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { generateName: 'helm-test-', namespace: 'default' },
      spec: { containers: [{ name: 'main', image: 'none' }] },
    },
  },
}

function answerOf(asked, body) {
  return new Promise((resolve, reject) => {
    asked.setTimeout(10_000, () => asked.destroy(new Error('no answer within 10 s')))
    asked.on('error', reject)
    asked.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => (text += part))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode, text }))
    })
    asked.end(body)
  })
}

async function isReady() {
  const { status, text } = await answerOf(get(READY_URL))
  if (status !== 200) throw new Error(`Expected 200, got ${status}: ${text}`)
  return text.trim()
}

async function reviewsPods() {
  const options = {
    method: 'POST',
    ca: readFileSync(CA_FILE),
    headers: { 'content-type': 'application/json' },
  }
  const { status, text } = await answerOf(request(WEBHOOK_URL, options), JSON.stringify(review))
  if (status !== 200) throw new Error(`Expected 200, got ${status}: ${text}`)
  const { response } = JSON.parse(text)
  if (response?.uid !== uid || response.allowed !== true)
    throw new Error(`Expected the pod to be allowed, got ${text}`)
  return 'the pod is allowed'
}

for (const [what, url, check] of [
  ['readiness', READY_URL, isReady],
  ['dry-run injection', WEBHOOK_URL, reviewsPods],
]) {
  try {
    console.log(`ok      ${what}: ${await check()}`)
  } catch (error) {
    console.log(`failed  ${what} (${url}): ${error.message}`)
    process.exitCode = 1
  }
}
