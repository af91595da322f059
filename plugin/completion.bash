# bash completion for w7prep: asks the program itself, so it cannot go stale
_w7prep() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	case $prev in
	-p | --profile)
		mapfile -t COMPREPLY < <(compgen -W "$(w7prep profile list -q 2>/dev/null | awk '{print $1}')" -- "$cur")
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X '!*.ini' -- "$cur")
		return
		;;
	--engine)
		mapfile -t COMPREPLY < <(compgen -W "wim guestfs direct tree" -- "$cur")
		return
		;;
	--progress)
		mapfile -t COMPREPLY < <(compgen -W "auto bar plain json none" -- "$cur")
		return
		;;
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	cid)
		mapfile -t COMPREPLY < <(compgen -W "import list export" -- "$cur")
		return
		;;
	fog)
		mapfile -t COMPREPLY < <(compgen -W "install check remove" -- "$cur")
		return
		;;
	import)
		mapfile -t COMPREPLY < <(compgen -f -X '!*.csv' -- "$cur")
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	wds)
		mapfile -t COMPREPLY < <(compgen -W kit -- "$cur")
		return
		;;
	pxe)
		mapfile -t COMPREPLY < <(compgen -W menu -- "$cur")
		return
		;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "$(w7prep --long-options 2>/dev/null | grep -v '^-')" -- "$cur")
		return
		;;
	profile)
		mapfile -t COMPREPLY < <(compgen -W "list show check advise" -- "$cur")
		return
		;;
	esac
	if [[ $cur == -* || $COMP_CWORD -eq 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(w7prep --long-options 2>/dev/null)" -- "$cur")
	fi
}
complete -o default -F _w7prep w7prep
