import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { linkValidator } from '../../src/local/admission.ts'
import { controllerSuite } from './suite.ts'

controllerSuite('the in-memory cluster', async () => {
  const cluster = createInMemoryCluster({
    now: () => new Date(),
    validate: { LogstashLink: linkValidator },
  })
  return {
    as: (manager) => cluster.as(manager),
    namespace: async () => 'shop',
    stop: () => cluster.settled(),
  }
})
