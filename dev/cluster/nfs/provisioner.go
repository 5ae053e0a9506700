// Stands in for nfs-provisioner, whose image cannot be had where there is no registry of images: the same flags, the same
// provisioner library, the same demands on its Service, and Debian's Ganesha as the server. Volumes are folders of one export.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v11/controller"
)

const exportFolder = "/export"

// All that Ganesha listens on; a Service with one less or one more is refused, as the real one does.
var ports = []string{
	"111/TCP", "111/UDP", "2049/TCP", "2049/UDP", "20048/TCP", "20048/UDP", "32803/TCP", "32803/UDP",
	"662/TCP", "662/UDP", "875/TCP", "875/UDP",
}

type provisioner struct {
	client kubernetes.Interface
}

func main() {
	name := flag.String("provisioner", "", "name of the provisioner")
	grace := flag.Int("grace-period", 90, "seconds for clients to reclaim their locks")
	flag.Bool("device-based-fsids", true, "accepted: volumes are folders of one export")
	elect := flag.Bool("leader-elect", true, "whether replicas elect one")
	flag.Parse()
	config, err := rest.InClusterConfig()
	must(err)
	client, err := kubernetes.NewForConfig(config)
	must(err)
	startServer(*grace)
	options := []func(*controller.ProvisionController) error{controller.LeaderElection(*elect)}
	controller.NewProvisionController(context.Background(), client, *name, &provisioner{client}, options...).Run(context.Background())
}

// startServer runs rpcbind and Ganesha; when Ganesha ends, so does this, and the pod is started again.
func startServer(grace int) {
	must(os.MkdirAll("/var/run/ganesha", 0o755))
	must(os.MkdirAll("/var/lib/nfs/ganesha", 0o755))
	configuration := fmt.Sprintf(`
NFS_CORE_PARAM { Protocols = 3,4; NFS_Port = 2049; MNT_Port = 20048; Enable_NLM = false; Enable_RQUOTA = false; }
NFSv4 { Grace_Period = %d; Graceless = true; RecoveryBackend = fs; Only_Numeric_Owners = true; }
EXPORT_DEFAULTS { Access_Type = RW; Squash = No_Root_Squash; SecType = sys; Protocols = 3,4; Transports = TCP; }
EXPORT { Export_Id = 1; Path = %s; Pseudo = %s; FSAL { Name = VFS; } }
LOG { Default_Log_Level = EVENT; }
`, grace, exportFolder, exportFolder)
	must(os.WriteFile("/etc/ganesha/ganesha.conf", []byte(configuration), 0o644))
	must(exec.Command("rpcbind", "-w").Run())
	server := exec.Command("ganesha.nfsd", "-F", "-L", "/dev/stdout", "-f", "/etc/ganesha/ganesha.conf", "-p", "/var/run/ganesha/pid")
	server.Stdout, server.Stderr = os.Stdout, os.Stderr
	must(server.Start())
	go func() {
		fmt.Println("ganesha ended:", server.Wait())
		os.Exit(1)
	}()
	time.Sleep(time.Second)
}

func (p *provisioner) Provision(ctx context.Context, options controller.ProvisionOptions) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	for name := range options.StorageClass.Parameters {
		if name != "gid" && name != "rootSquash" {
			return nil, controller.ProvisioningFinished, fmt.Errorf("invalid parameter: %q", name)
		}
	}
	server, err := p.server(ctx)
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	asked := options.PVC.Spec.Resources.Requests[v1.ResourceStorage]
	if free := freeBytes(); asked.Value() > free {
		return nil, controller.ProvisioningFinished, fmt.Errorf("insufficient available space %d bytes to satisfy claim for %d bytes", free, asked.Value())
	}
	folder := filepath.Join(exportFolder, options.PVName)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   options.PVC.Spec.AccessModes,
			MountOptions:                  options.StorageClass.MountOptions,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: asked},
			PersistentVolumeSource:        v1.PersistentVolumeSource{NFS: &v1.NFSVolumeSource{Server: server, Path: folder}},
		},
	}, controller.ProvisioningFinished, nil
}

func (p *provisioner) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	return os.RemoveAll(filepath.Join(exportFolder, volume.Name))
}

// server gives the address of the Service, once that has exactly our ports and this pod as its only endpoint.
func (p *provisioner) server(ctx context.Context) (string, error) {
	namespace, name := os.Getenv("POD_NAMESPACE"), os.Getenv("SERVICE_NAME")
	service, err := p.client.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	var found []string
	for _, port := range service.Spec.Ports {
		found = append(found, fmt.Sprintf("%d/%s", port.Port, port.Protocol))
	}
	slices.Sort(found)
	wanted := slices.Sorted(slices.Values(ports))
	if !slices.Equal(found, wanted) {
		return "", fmt.Errorf("service %s does not expose exactly %s", name, strings.Join(wanted, " "))
	}
	endpoints, err := p.client.CoreV1().Endpoints(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if len(endpoints.Subsets) != 1 || len(endpoints.Subsets[0].Addresses) != 1 || endpoints.Subsets[0].Addresses[0].IP != os.Getenv("POD_IP") {
		return "", fmt.Errorf("service %s is not backed by this pod alone", name)
	}
	return service.Spec.ClusterIP, nil
}

func freeBytes() int64 {
	var stat syscall.Statfs_t
	must(syscall.Statfs(exportFolder, &stat))
	return int64(stat.Bavail) * stat.Bsize
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
