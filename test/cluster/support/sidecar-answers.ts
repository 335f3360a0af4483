/** Answers in the place of sidecars that nobody runs. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'

/**
 * kwok runs nothing, so that this says for all of its pods that they are well: else no link would be Ready. In the pods'
 * network every address is this machine, so that one listener for each port serves all pods.
 */
export async function answerForSidecars(port: number): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json').end('{}')
  }).listen(port, '0.0.0.0')
  await once(server, 'listening')
  return server
}
