package socket_test
import ("testing";"fmt"
"github.com/lockfast/lockfast/internal/collect"
"github.com/lockfast/lockfast/internal/collect/dpkg"
"github.com/lockfast/lockfast/internal/collect/process"
"github.com/lockfast/lockfast/internal/collect/socket"
"github.com/lockfast/lockfast/internal/collect/firewall"
"github.com/lockfast/lockfast/internal/hostexec"
"github.com/lockfast/lockfast/internal/hostfs"
"github.com/lockfast/lockfast/internal/inventory")
func TestReal(t *testing.T){
 root,_:=hostfs.Open("/")
 h:=collect.Host{FS:root,Live:true,Privileged:true,Exec:hostexec.System{}}
 inv:=&inventory.Inventory{}
 collect.Run(t.Context(),h,inv,[]collect.Collector{process.New(dpkg.Collector{}),socket.Collector{Owners:[]collect.Owners{dpkg.Collector{}}},firewall.Collector{}})
 fmt.Println(inv.Statuses,inv.Gaps)
 for _,l:=range inv.Listeners{fmt.Printf("%+v\n",l)}
}
