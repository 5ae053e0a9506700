import type { FrameworkProfile } from '../framework.ts';

/** A user's server that kubespawner makes. The spawner waits until every container is ready. */
export const jupyterHub: FrameworkProfile = {
  kind: 'NotebookPod',
  knownBy: { labels: { component: ['singleuser-server'], 'hub.jupyter.org/username': [] } },
  main: [/^notebook$/],
  helpers: [],
  untouched: [/^block-cloud-metadata$/],
  reserved: {
    env: [/^(JUPYTERHUB_|JPY_)/],
    labels: [/^hub\.jupyter\.org\//, /^(app|component|chart|release|heritage)$/],
  },
};

/** A Notebook of Kubeflow: its status looks for the container that is called as the Notebook is, the first. */
export const kubeflowNotebook: FrameworkProfile = {
  kind: 'NotebookPod',
  knownBy: { labels: { 'notebook-name': [], statefulset: [] } },
  main: 'first',
  helpers: [],
  untouched: [],
  reserved: { env: [/^NB_PREFIX$/], labels: [/^(notebook-name|statefulset)$/] },
};

/** A Workspace of Kubeflow, which is what comes after Notebooks. */
export const kubeflowWorkspace: FrameworkProfile = {
  kind: 'NotebookPod',
  knownBy: { labels: { 'notebooks.kubeflow.org/workspace-name': [] } },
  main: [/^main$/],
  helpers: [],
  untouched: [],
  reserved: { env: [/^NB_PREFIX$/], labels: [/^notebooks\.kubeflow\.org\//] },
};
