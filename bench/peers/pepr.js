// Pepr with as many mutations as Quartermaster has PlatformDefaults, each giving what the default of its number gives.
// Usage: SSL_CERT_PATH=… SSL_KEY_PATH=… PEPR_API_PATH=… KUBECONFIG=… node pepr.js PORT NUMBER NUMBER_THAT_MATCH
const { a, Capability, PeprModule } = require('pepr');

const [port, total, matching] = process.argv.slice(2).map(Number);
const capability = new Capability({ name: 'bench', description: 'The defaults of the benchmark.', namespaces: [] });

const mutate = (index) => (pod) => {
  const name = `platform-${index}`;
  pod.SetLabel(`platform.example.org/label-${index}`, 'true');
  pod.SetAnnotation(`platform.example.org/annotation-${index}`, 'true');
  pod.Raw.spec.volumes = [...(pod.Raw.spec.volumes ?? []), { name, emptyDir: {} }];
  const [main] = pod.Raw.spec.containers;
  main.volumeMounts = [...(main.volumeMounts ?? []), { name, mountPath: `/platform/${index}` }];
};

for (let index = 0; index < total; index += 1) {
  const team = index < matching ? 'a' : `other-${index}`;
  capability.When(a.Pod).IsCreated().WithLabel('team', team).Mutate(mutate(index));
}

const pepr = { uuid: 'bench', onError: 'ignore', webhookTimeout: 10, alwaysIgnore: { namespaces: [] } };
new PeprModule({ description: 'bench', pepr }, [capability], { deferStart: true }).start(port);
