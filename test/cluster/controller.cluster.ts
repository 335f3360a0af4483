/** The controller's suite, the same as for the in-memory cluster, on the real API server. */
import { after, before } from 'node:test'
import { controllerSuite } from '../controller/suite.ts'
import { underTest, withoutWhatTestsPlay } from './support/kube.ts'
import { expectedWords } from './support/refusals.ts'
import { startTestCluster, type TestCluster } from './support/test-cluster.ts'

let cluster: TestCluster

before(async () => {
  cluster = await startTestCluster(withoutWhatTestsPlay)
})
after(() => cluster.stop())

controllerSuite('a real API server', () => underTest(cluster), expectedWords)
