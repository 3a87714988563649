"""plait.load reads what PyTorch's torch.save wrote: its archives, and its files of the years before 1.6.

The files below were written by PyTorch 2.13 from the object that `check` describes.
"""

import base64
import io
import pickle
import random
import zlib

import plait
import pytest

NEW = (
    r"c-o~`+fUn87(cm?1g~7n#>!UKt-FM+1UrcxXej}=^DgcRn6}HZOJp2FteKcEIiy{sN=Oq~t4fph4@`Zj_9tvl6Y77^X`1%1hf00gQ~!mXV~5~l7E;Pl4"
    r"!-"
    r"33UCwv>eK<>MB#KZXfews8G>r6`QL!54R9VM*YV%uLk^51R8QbAIfRcp}0c=9Zzz#vAN?X{n>s+a3u5MX&xwNU*^bHf6H4efZLa<q_JGD|H%|RrYEW`<"
    r"4okZ&ECPY05r`V2;SG=1X^thTl#0n8|G&Z*&u0}B=mQ|#N)o>Gf$syDP?w(;dwrv{Na;kN1u~s%~X8E#ZU=CiI(BK4yJ`MWsR_MjR4=|{~P=TZbH7xTc"
    r"3|EMoO0?ps32?F!R|#TdS&e!sFVmAIymHUQk79ULgHtYkRj-"
    r">cwui5@kgrjH5jEO`*9nsNJMAIIF}$I{nL?N#%NX8lt$B^ES&%q*%Ux#KY{1#pSLEC>NFv^DC*YkOcvpk>T=lwj+k|8*bcI}SFhLwgn(+P(e4xQO7qu!"
    r"#FzH!rh02Pj*v@mxU3nU&i2pDK-"
    r"p%h02x@2t(w_GWhO7pnw`#|+L1HP%tu|fGrOUvyM>o@=J5T8@cyzNEE^0961{#oOxGp&xo3?q2eH7;1&@3zv&JYHfauT{r^v`9F^Fs`Z1|PYB7JSTbUU"
    r"91HZLUw;5D`B0xKzS5G2wAs!SI;|SKR;;7MUkQf+Ye#7?!CxqIuTHHk18b@xa$GT-"
    r"V@+yT48uK6h^xT&xaXsG)kHhi30PY}TP@lnkeA8g<UB(i0B8bazW%HQ=j4jGWmzwyFYr-Gpy6C~c*d)OaFw`tH>x38QnVV^xnLv0c@vHK(?r<5I({)k$"
    r"$EvJfcl=NJN&{`J{E-_w=Q*;#rF<@Tjp#a+^EYrVQ*R<R;yj;>xTN?B?ke-"
    r"r+tnGGLmU<l>g256=o+6xr<!i(tc4co%lHmQf5i%(C{y@?&_p&!jLU3H3A<nzZcfY5fH(9V+&ncMT!$+eMR?hm>h{BS2()`_6VJUY5Q9jph09+0_9<`X"
    r"i}0&zm-88Z0=>hIQ_wK<+P?=JpESbu3n9z5W0H;;BHXMDN%l=h!!7tVQ>Go#3}$Jzd32vPOl&ps-"
    r"2fByQB%&KP<dG1*1`}<E_G#=(tR5sDY#VqSWROIOwcG1&frTTr3A5F6Q=y~*|<LGx@=Kwm{)@gURfuK-"
    r"^qs|}yynem={*9ybegku@*Ug$mI@oQUzFd^7vLdIBxDsBPo)ObCqLj@|i)mgG#oRP630WyUGs9<iQOXFpbS@)Omyw@-Tuc%lN!MkFnr-"
    r"{^cmKfy&V%o9LA1Ytk21)=BB;~<iy(==36C)(%TaVl=MVDu8|e_k^M{Y8-"
    r"N1uzfA{NW;5T|up!Wu`{?5c=p9HZ&5bN(iEOt8<z@~#(fB#^ye+IFcAl6^?ELMvLu-"
    r"PEiU$HFq?;uv(!~TCw`$r)Wz)C?~f4vPb*j*pC!*k{@gK-8t+>5#t=#m<Xo!cwt$YdMY7dYl3-to8Iz4jKPKS|KD6W+D=rqdJiFnw;k7yBRMJ@c0"
)
OLD = (
    r"c-nna*K*T96qRH-0TCed4xu}gU^|X2(~?j^5eY=0h$>`x!D58vBdtT3VJ0sz<r{e5k<ZAd@X9AJ!vl9EC4(~tjqiHPz31GzpnTE%-"
    r"(RPG4ZZq)XV=JrGW|0{>jy|VYfzG;Rv7TW4Sai^g^?FDA(Mi&o?d*9bD!C)S@)bKluwpMm;7Ce*^&32MaX=BnzOQW88w2CBWoyDhE86Sqt8$+RbT|om*"
    r"_Xtc6*sq7Mze>9)xaV#BOuXk2E`EwYKNi?UoZduNh~d2IU_roHe5$wC9T&GP#`9FZfB*dC8zACfbxAID9U-"
    r")R46{kWRHUTFC2qxmqgc3uW}huDY$Z@NR}<&8#6AilKC{mj2`pw9hVO#b++3q(s{7u+BnOzv8)E!@6M;103s3Z1~g=hm9XGXkt?w^1R31U~_|fYp9LCx"
    r"T}@Xv2sN(mawJKZwwIU)>%VMIJb#S2irf#XgfG|n%EVi)trc7_y5rLq-c9Z1Q|o^U>~7T1p5=T0~|vp4q6JC);SKPIeH;-"
    r"R48jW9A~1==5Zu_qP^!*;*PH5=-48To5;l;iQ;28Rh^@Qh7%M;rh}7<IA!8=Y*nKik0frVs+Xn`#+AC9>5fLP6!kpv6pcdB6yka;qG-sA7)>H6ag3QLC"
    r"wU11AC+zbx>^C(SA&n~B~(-"
    r"JvnlvF0e(IKzrb<P#CY7FE+)E=F9)w%K6~5UR+Fn3^x{|<mxw_ohRcG1z^{nqYQiwZam~c_n8Cx1E{0n)Co9M|S0h)8I*b(g79kH0Cy3J=GbV1whzxgn"
    r"cS*HSDd#au<`S8k!ZAryYmS<Qy5w#Gb&un|i3f3)1a(;P<--`+!6QSC;z6&y<23k>UE2-n%#AeG6dMgs;+i`(7f-D|G4>Akngu-Tz&7z*%>Gj``#t7R?"
    r"$y#tug=Kys;Jtl2-#lw>+6-3el{YSDft%0X_=rO$-=~d^!L~OCQ08&mPme(NRyH@NHRo{pHxzdrEzI#c`r-yDx~FeR_gx#0EdQXeE"
)
MODEL = (
    r"c-o~_OLN;)6uz+&$0%)HO%s}y@F-9R8pp3VaYLJ6ig`GssndWcw5lx2z9Nd`BV8p^W-"
    r"=3oagz>fSTe9;hCjfXU%+(3uwciE6<e0vtE<?OoTLym_GonP_nmV-o$p+GtsLz|C>}>$*DxAIvZY{cTb-@RL{2t0^-^&V-"
    r"3?rO5rvo(l{AdxmRWOj)lMp=L1fKPEn!^+M>U8h>jI$ZFQ8`^A_<WtBNjzyMgyV;;sAY?nzAKtsYJDG=-"
    r"q`r7bI1kdY!GrcA;Oq$W{!~keYN!vk47+2#{=*KwOdNv!)ZxkR*Yw2=L535Lz%$fivPcH=e9)?#Nb6YFes<O>@(Rvx;Ksx~dS(G;HCPRZ}gsc2iR*dvL"
    r"k}L*h_?$VtPP?Tv`zY)`YLx})ns42-"
    r"UdgKW2MT0Y`AmpCR)c5O*J8o?3^(6HgW3mX?Nb;D$RM}BBaicE{H!GsHZRvh&MJK`?5+mqtdk=uck7hUKjafCr_A`?}r(YN3Qdd}UQ63>TrJE@*`5if9"
    r"Mx+&L=hP~**UgFK{f|>SV!pko1Wo`q{Sn$d&yqXYu=u!%<bo)-"
    r"Ho|7$Mh2J1S4L7|DuO)Ew08>xBo)BY{x}$0hOyH`=mmH$$wjfz5^G>bfLjh)vfl%k!rX_7>1V|<lVm}RPQ>5HbVU|;b5|u{Q`Jw<RujaHErFW(2K&ISF"
    r"AbY!v%8_#95#;Et=Ml_3c2(yI%vWIHz<ns}!?g-5igZd*Rg-Oa1J7WZ7SCcHHVxNtrW_$~!wuJhrE*UTmU*Z*2^1^v77ulEAKtD&$-#7--obH9r{mogy"
    r"jOwu@mUv8#@yH|cytwWtA2pF7gsU2+AYjIwT8K2ZewnZ3g!k_$GpRLFz?_7rcL|M9dSCAbyX&gMLYRXIU=5+Yo<dwi()zAR6R`}cehujGrBFaITb4E%7"
    r"y@UX@fu6g-;I~e2)pc&xJ`Xcu)b^6IS(vDIH-oPnhZnt9!y4o-"
    r"phQ(>!6HdBQe5VLB7G<u+e4n!2p0U_5rJj#EvpmHXpgfAjtQu|9;@ckS3Sb^={#pRq|gpIb7Kw%O@s8l~dp&{2Ejm1fC)`s?>E*=u9p<C9II`A#y=u=F"
    r"_58pakqN=wD;zsVQA@;O$((hmF?p(!FK7BGUA+67b}64hjfZK=3;n!JaXt`VZEtcKS0KQ6HOj-6P;Ai5FwRhvzfir4-"
    r"}0SN6a(Xh+(L%(~=tdcupKYTUp{(_!dNiJAPx>QV|)8+r}XO?&R$Nfo`D1KtzA+*@e+xFW0X<tEBV40tM+t_$||EEx<V?bB3ty=WIf%dsO)sj{#6_fw5"
    r"kknj0olY&xWwQBnAwQp*%M@~{Y$jF6Efn&pg<K(<na^hz3arWz^2>OF){$_l>|w>W>-5j-a98Ew|3P84e*h-}%vv8hZo<Ps{6jPu2=c@qq-"
    r"%1+ar}cY5{OfYq3!_;)BWxp4A6g#q0sDvxqb%*xexk7+;o`h_s~#)`<st@%)9fqb}Fbjj-"
    r"Fz=wQ?+W_0XcxnKm;Xx(`J7{cmr9^4RH*q67SypT2!D&WXEtj{OJO6YAR"
)

ATTRIBUTES = (
    r"c-o~^%Wl&^6rI>j8r;$skJ19=4KB2)ouo-h1wj$Y#tYg2Qp7`+n@k!DC(gB}FQiJ9P%FCY7r<w*VGr9bKrCRziWOUy%-Bh4J4!3cNcL##d+s@R=3IM0;d>B@"
    r"Mp4HYLL*4CN>zOo&y+Qy#Tu`Sd~N_e^NlTT6OdR8QNTKcO2njym`ZTnHZ4K5@Y0HIl+}u5)>N|5!0KvT08VVhtq|R?55ioS6T`b9!V@<W^oU}ymy+1@v9^pM"
    r"+<c!mOpQEt9|{n0gh<d^<mp^$tUy%Z37l9|kiu_+poF%eZ?{x34Fi{mZq{w#kyXYPE<e;uM1cOu0-Pi;unB`jx-F<~5)4BxVOT73bZJ&#q{@q8HC&BUd#g_F"
    r"Q!F=4dz#(O>{eNdvjj#9a1Pr9#tJa*h-$$3E>$-)ORHgmEp<&NRn;aMp`~09TTBjIhKrPsBQU}ExNW$^_%6GAR|s4!z_qu|;`%1saKvltx(zp#5LI!j0PY#p"
    r"V6uw}sz7TUK;2aB)|TFG9+psHJ1wUKxTEk2w*ym3Na1&2dY3?~05dDG1*JFoBl~Huk8Tya7P?w%6iIDs#VV#%(}=o?Et?)lJ~tI`*x^HFtRH@Vf5WO{S9jKN"
    r"ls;f>)~9NQzFe>2I?3k}|3uszsU#DSU4viDAl#t>hEcXHU}=M3lUXmHn?DY3YZy8q24)(z@BJK$P?pG{8V1mPUsuma`P|+A5a4Fr%F^2drlRrjv(!%){YR+C"
    r"_*KaHToN6RpK)(x8TZ~|<O?H<9?Ct4=G)wD)1{BQ1qp#M@4s7qdi42Ep!k6Sow99g>C}O*HTEr1^>RKJ`$r+tY)Y1;%xpZ7lIK!sX*NEWl%;ecGn<w&bIC*^"
    r"o=PM$b19}W_1>NrsSeRm8De7FI=ziM)S*219|)qo4LIsUKIc%kRu3leHqp2*$-Xy9N9P9fcpG8Zm#4s^&ISy^y$&Am!N2k-&^tk_*MWZQi=F^h4r09?8uVem"
    r"d9Ypf&U>^I{+h$+2-7Vnk;qibqWp9l84b*RoIC#syEDbHKQiK*0q)l~9C0yGC*F<y3n-rO)c"
)


def raw(text):
    return zlib.decompress(base64.b85decode(text))


def load(text, **options):
    return plait.load(io.BytesIO(raw(text)), **options)


def check(o):
    assert type(o["p"]) is plait.nn.Parameter and o["p"].requires_grad
    assert o["p"].tolist() == [[1, 2], [3, 4]]
    assert o["base"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert o["view"].tolist() == [[4, 6], [8, 10]] and o["view"].stride() == (4, 2)
    o["base"][1, 0] = -1  # the view shares its storage
    assert o["view"][0, 0] == -1
    assert o["dt"] is plait.float16 and o["dev"] == plait.device("cpu") and o["size"] == plait.Size([2, 3])
    assert o["b16"].dtype is plait.bfloat16 and o["b16"].tolist() == [1.5, -2]
    assert o["bool"].tolist() == [True, False] and o["c"].tolist() == [1 + 2j]
    assert o["i"].dtype is plait.int64 and o["i"].item() == 5 and o["e"].shape == (0, 3)
    assert o["od"] == {"a": 1} and o["bytes"] == b"abc"


@pytest.mark.parametrize("text", [NEW, OLD], ids=["archive", "legacy"])
def test_tensors_and_containers(text):
    check(load(text))
    check(load(text, map_location="cpu", weights_only=False))
    moved = load(text, map_location=lambda storage, where: "meta")
    assert moved["base"].device.type == "meta" and moved["base"].shape == (3, 4)


def test_tensors_with_attributes_and_on_the_meta_device():
    o = load(ATTRIBUTES)
    assert o["x"].tolist() == [0, 1, 2] and o["x"].note[0] == "of"
    o["x"][0] = 5
    assert o["x"].note[1].tolist() == [5]  # the storage is shared
    assert type(o["p"]) is plait.nn.Parameter and o["p"].axis == 1
    m = o["m"]
    assert m.is_meta and m.dtype is plait.float16 and (m.shape, m.stride()) == ((3, 2), (1, 3))


def test_an_archive_is_mapped(tmp_path):
    path = tmp_path / "x.pt"
    path.write_bytes(raw(NEW))
    check(plait.load(path, mmap=True))
    check(plait.load(path))  # what was written to the mapped tensors did not reach the file


def test_modules_need_trust_and_become_plaits():
    with pytest.raises(pickle.UnpicklingError, match=r"Sequential, which weights_only=True refuses"):
        load(MODEL)
    model = load(MODEL, weights_only=False)
    assert type(model) is plait.nn.Sequential and type(model[0].weight) is plait.nn.Parameter
    assert model(plait.tensor([[1.0, 2.0]])).tolist() == [[6, 0]]
    linear, relu = plait.nn.Linear, plait.nn.ReLU
    with plait.serialization.safe_globals([plait.nn.Sequential, linear, relu]):
        assert type(load(MODEL)) is plait.nn.Sequential
    assert plait.serialization.get_safe_globals() == []


@pytest.mark.parametrize("text", [NEW, OLD], ids=["archive", "legacy"])
def test_a_damaged_file_never_crashes(text):
    good = raw(text)
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    refused = 0
    for trial in range(300):
        bad = bytearray(good)
        if trial % 3 == 0:
            del bad[rng.randrange(len(bad)) :]
        else:
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        try:
            plait.load(io.BytesIO(bad))
        except Exception as error:
            assert not isinstance(error, SystemError), f"seed {seed}, trial {trial}"
            refused += 1
    assert refused >= 100, f"seed {seed}"  # every truncation, at least


def test_a_reach_beyond_the_storage_is_refused():
    text = raw(OLD)
    position = text.index(b"K\x04K\x02\x86")  # the view's strides, (4, 2), as opcodes
    bad = text[: position + 1] + b"\x40" + text[position + 2 :]
    with pytest.raises((ValueError, RuntimeError), match="reach beyond a storage"):
        plait.load(io.BytesIO(bad))
